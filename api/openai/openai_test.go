package openai

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// FuzzString holds AppendString to encoding/json: valid, ASCII, and the same string again.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\x1f\x7f\"\\/<>&", "é世🙂", "\xff\xc3", "\u2028\ufffd", strings.Repeat("ß", 99)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := AppendString(nil, s)
		for _, c := range got {
			if c < 0x20 || c >= utf8.RuneSelf {
				t.Fatalf("byte %#x in %q", c, got)
			}
		}
		var back, want string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		marshalled, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(marshalled, &want); err != nil {
			t.Fatal(err)
		}
		if back != want {
			t.Fatalf("%q became %q, not %q", s, back, want)
		}
	})
}

// FuzzChunk holds every chunk to be one whole event of valid JSON.
func FuzzChunk(f *testing.F) {
	f.Add("hi", []byte{0xc3}, float32(-1.5), true)
	f.Add("\"\n\u2028", []byte("x"), float32(math.Inf(-1)), false)
	f.Fuzz(func(t *testing.T, text string, piece []byte, logprob float32, chat bool) {
		kind := Completion
		if chat {
			kind = Chat
		}
		c := NewChunks(kind, Head{ID: text, Model: text, Fingerprint: text}, ChunkOptions{Usage: true, Logprobs: true, Choices: 1})
		token := backend.TokenLogprob{Token: 1, Bytes: piece, Logprob: logprob}
		token.Top = []backend.TokenLogprob{token, token}
		final := &backend.Final{Reason: backend.FinishStop, OutputTokens: 1, Timings: backend.Timings{Generate: time.Duration(len(text))}}
		calls := []answer.CallDelta{{Name: text}, {Arguments: text}}
		for _, write := range []func() []byte{
			c.Begin,
			func() []byte {
				return c.Piece(&router.Piece{Event: backend.Event{Text: text, Logprobs: []backend.TokenLogprob{token}}, Thought: text, Calls: calls})
			},
			func() []byte { return c.Piece(&router.Piece{Event: backend.Event{Final: final}}) },
			c.Finish,
			func() []byte { return c.Error(&Error{Message: text}) },
		} {
			b := string(write())
			if b == "" {
				continue
			}
			for _, event := range strings.Split(strings.TrimSuffix(b, "\n\n"), "\n\n") {
				data, ok := strings.CutPrefix(event, "data: ")
				if !ok || strings.Contains(data, "\n") || !json.Valid([]byte(data)) && data != "[DONE]" {
					t.Fatalf("not one event: %q", event)
				}
			}
		}
	})
}

// FuzzRead holds the readers to answer everything with a request or an *Error of status 400.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"stop":["a"],"seed":1}`))
	f.Add([]byte(`{"model":"m","input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"1","name":"f"}],"tools":[{"type":"function","name":"f"}],"text":{"format":{"type":"json_schema","schema":{}}}}`))
	f.Add([]byte(`{"model":"m","max_tokens":1,"system":"s","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1"}]}],"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"}}`))
	f.Add([]byte(`{"model":"m","prompt":[[1,2]],"logit_bias":{"1":2},"response_format":{"type":"json_object"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		chat, err := ReadChat(body)
		checkRead(t, chat != nil, err)
		completion, err := ReadCompletion(body)
		checkRead(t, completion != nil, err)
		responses, err := ReadResponses(body)
		checkRead(t, responses != nil, err)
		messages, err := ReadMessages(body, false)
		checkRead(t, messages != nil, err)
		embedding, err := ReadEmbedding(body)
		checkRead(t, embedding != nil, err)
		tokenize, err := ReadTokenize(body)
		checkRead(t, tokenize != nil, err)
		detokenize, err := ReadDetokenize(body)
		checkRead(t, detokenize != nil, err)
	})
}

func checkRead(t *testing.T, read bool, err error) {
	t.Helper()
	var e *Error
	if read == (err != nil) || err != nil && (!errors.As(err, &e) || e.Status != 400 || e.Message == "") {
		t.Fatalf("read %v, error %v", read, err)
	}
}

func TestEdgeValues(t *testing.T) {
	read := func(more string) *ChatRequest {
		r, err := ReadChat([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}],` + more + `}`))
		require.NoError(t, err)
		return r
	}
	assert.Nil(t, read(`"seed":-1`).Seed, "any")
	assert.NotZero(t, *read(`"seed":0`).Seed, "0 is a seed to a client, and any to the contract")
	assert.Equal(t, uint64(7), *read(`"seed":7`).Seed)
	assert.Equal(t, uint64(math.MaxUint64), *read(`"seed":18446744073709551615`).Seed)
	assert.Equal(t, 0, *read(`"top_k":-1`).TopK)
	assert.NotZero(t, *read(`"top_p":0`).TopP, "the contract's 0 is off")
	assert.Nil(t, read(`"max_tokens":-1`).MaxTokens)
	assert.Equal(t, 5, *read(`"max_tokens":9,"max_completion_tokens":5`).MaxTokens)
	off := read(`"repeat_last_n":0,"frequency_penalty":1`)
	assert.Nil(t, off.PenaltyLastN)
	assert.Equal(t, float32(1), *off.RepeatPenalty)
	assert.Equal(t, float32(0), *off.FrequencyPenalty)
	assert.True(t, read(`"cache_prompt":false`).NoCache)
	assert.False(t, read(`"cache_prompt":true`).NoCache)
	assert.Equal(t, []string{"a"}, read(`"stop":["","a"]`).Stop)
	assert.Equal(t, `{"type":"object"}`, read(`"response_format":{"type":"json_object"}`).Constraint.JSONSchema)
	assert.Equal(t, `{"a":1}`, read(`"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1}}}`).Constraint.JSONSchema)
	assert.Equal(t, json.RawMessage("false"), read(`"chat_template_kwargs":{"enable_thinking":false}`).Template["enable_thinking"])
	assert.Equal(t, "system", func() string {
		r, err := ReadChat([]byte(`{"model":"m","messages":[{"role":"developer","content":"x"}]}`))
		require.NoError(t, err)
		return r.Messages[0].Role
	}())
}

func TestDeltaAllocatesNothing(t *testing.T) {
	c := NewChunks(Chat, Head{ID: "chatcmpl-0123456789abcdef01234567", Model: "m", Fingerprint: "fp"}, ChunkOptions{Choices: 1})
	e := &router.Piece{Event: backend.Event{Text: " grüße"}}
	c.Piece(e)
	assert.Zero(t, testing.AllocsPerRun(100, func() { c.Piece(e) }))
}

func BenchmarkDelta(b *testing.B) {
	c := NewChunks(Chat, Head{ID: "chatcmpl-0123456789abcdef01234567", Model: "m", Fingerprint: "fp"}, ChunkOptions{Choices: 1})
	e := &router.Piece{Event: backend.Event{Text: " hello"}}
	for b.Loop() {
		c.Piece(e)
	}
}
