package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/require"
)

// goRunner makes steps by openai-go.
type goRunner struct {
	t       *testing.T
	ctx     context.Context
	client  openai.Client
	results map[string]any
}

func runGo(ctx context.Context, t *testing.T, url string, steps []step) map[string]any {
	t.Helper()
	r := &goRunner{t: t, ctx: ctx, results: map[string]any{}, client: openai.NewClient(
		option.WithBaseURL(url+"/v1"), option.WithAPIKey("unused"), option.WithMaxRetries(0))}
	for _, s := range steps {
		if s.of() != "openai" {
			continue
		}
		result, err := r.make(s)
		if err != nil {
			if result == nil {
				result = map[string]any{}
			}
			result["error"] = r.errorOf(err)
		}
		r.results[s.Name] = r.plain(result)
	}
	return r.results
}

func (r *goRunner) make(s step) (map[string]any, error) {
	switch s.Call {
	case "models.list":
		page, err := r.client.Models.List(r.ctx)
		return map[string]any{"answer": page.Data}, err
	case "models.retrieve":
		asked, _ := read[struct {
			Model string `json:"model"`
		}](r, s)
		model, err := r.client.Models.Get(r.ctx, asked.Model)
		return r.answer(model, err)
	case "chat":
		params, more := read[openai.ChatCompletionNewParams](r, s)
		answer, err := r.client.Chat.Completions.New(r.ctx, params, more...)
		return r.answer(answer, err)
	case "chat.stream":
		params, more := read[openai.ChatCompletionNewParams](r, s)
		return r.chatStream(s, r.client.Chat.Completions.NewStreaming(r.ctx, params, more...))
	case "completions":
		params, more := read[openai.CompletionNewParams](r, s)
		answer, err := r.client.Completions.New(r.ctx, params, more...)
		return r.answer(answer, err)
	case "completions.stream":
		params, more := read[openai.CompletionNewParams](r, s)
		events, err := drain(r, r.client.Completions.NewStreaming(r.ctx, params, more...), nil)
		return map[string]any{"events": events}, err
	case "responses":
		params, more := read[responses.ResponseNewParams](r, s)
		answer, err := r.client.Responses.New(r.ctx, params, more...)
		return r.answer(answer, err)
	case "responses.stream":
		params, more := read[responses.ResponseNewParams](r, s)
		var last responses.ResponseStreamEventUnion
		events, err := drain(r, r.client.Responses.NewStreaming(r.ctx, params, more...),
			func(e responses.ResponseStreamEventUnion) { last = e })
		if err != nil {
			return nil, err
		}
		return map[string]any{"events": events, "answer": r.typed(&last.Response)}, nil
	case "embeddings":
		params, more := read[openai.EmbeddingNewParams](r, s)
		answer, err := r.client.Embeddings.New(r.ctx, params, more...)
		return r.answer(answer, err)
	}
	require.FailNow(r.t, "openai-go does not know the call "+s.Call)
	return nil, nil
}

func (r *goRunner) chatStream(s step, stream *ssestream.Stream[openai.ChatCompletionChunk]) (map[string]any, error) {
	var whole openai.ChatCompletionAccumulator
	out := map[string]any{}
	seen := 0
	events, err := drain(r, stream, func(chunk openai.ChatCompletionChunk) {
		require.True(r.t, whole.AddChunk(chunk), "the accumulator refuses a chunk")
		if seen++; seen == s.CancelAfter {
			var said any
			require.NoError(r.t, r.client.Delete(r.ctx, "kakeya/requests/"+chunk.ID, nil, &said))
			out["cancelled"] = said
		}
	})
	out["events"], out["answer"] = events, r.plain(whole.ChatCompletion)
	return out, err
}

// raw is what the client has of an answer beside its own types.
type raw interface{ RawJSON() string }

// drain reads a stream to its end.
func drain[T any](r *goRunner, stream *ssestream.Stream[T], each func(T)) ([]any, error) {
	defer stream.Close()
	var events []any
	for stream.Next() {
		event := stream.Current()
		events = append(events, r.typed(any(&event).(raw)))
		if each != nil {
			each(event)
		}
	}
	return events, stream.Err()
}

func (r *goRunner) answer(v raw, err error) (map[string]any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]any{"answer": r.typed(v)}, nil
}

// typed is an answer as the client's types have it, and as it came where they have nothing for it.
func (r *goRunner) typed(v raw) any {
	var came any
	require.NoError(r.t, json.Unmarshal([]byte(v.RawJSON()), &came))
	return overlay(came, r.plain(v))
}

func overlay(came, typed any) any {
	switch c := came.(type) {
	case map[string]any:
		if t, ok := typed.(map[string]any); ok {
			for key := range c {
				c[key] = overlay(c[key], t[key])
			}
		}
	case []any:
		if t, ok := typed.([]any); ok && len(t) == len(c) {
			for i := range c {
				c[i] = overlay(c[i], t[i])
			}
		}
	case string:
		if t, ok := typed.(string); ok {
			return t
		}
	case float64:
		if t, ok := typed.(float64); ok {
			return t
		}
	}
	return came
}

func (r *goRunner) plain(v any) any {
	var out any
	require.NoError(r.t, json.Unmarshal(mustJSON(r.t, v), &out))
	return out
}

func (r *goRunner) errorOf(err error) map[string]any {
	var api *openai.Error
	if !errors.As(err, &api) {
		return map[string]any{"message": err.Error()}
	}
	return map[string]any{"status": api.StatusCode, "type": api.Type, "code": api.Code, "param": api.Param, "message": api.Message}
}

// read makes the client's parameters of a step's, and options for what its types do not hold: the step's extra fields,
// and unions that it cannot tell apart in JSON.
func read[T any](r *goRunner, s step) (T, []option.RequestOption) {
	var value map[string]any
	require.NoError(r.t, json.Unmarshal(s.Params, &value))
	wanted := r.fill(value).(map[string]any)
	var params T
	require.NoError(r.t, json.Unmarshal(mustJSON(r.t, wanted), &params), s.Name)
	held, _ := r.plain(params).(map[string]any)
	var more []option.RequestOption
	for key, value := range wanted {
		if !reflect.DeepEqual(held[key], value) {
			more = append(more, option.WithJSONSet(key, value))
		}
	}
	for key, value := range s.Extra {
		more = append(more, option.WithJSONSet(key, value))
	}
	return params, more
}

// fill puts what earlier steps gave in the place of {"$from": path}.
func (r *goRunner) fill(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = r.fill(v[i])
		}
	case map[string]any:
		if path, ok := v["$from"].([]any); ok {
			return at(r.t, r.results, path)
		}
		for key := range v {
			v[key] = r.fill(v[key])
		}
	}
	return value
}
