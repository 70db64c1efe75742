package openai

import (
	"encoding/json"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// CompletionRequest is the body of /v1/completions.
type CompletionRequest struct {
	Model string
	From  Sender
	Delivery
	router.CompletionRequest
}

// ReadCompletion reads the body of /v1/completions. The error is an *Error.
func ReadCompletion(body []byte) (*CompletionRequest, error) {
	d := &decoder{}
	o := d.body(body)
	if d.err != nil {
		return nil, d.err
	}
	r := &CompletionRequest{Model: o.requiredText("model"), From: sender(o), Delivery: delivery(o)}
	r.Prompts = prompts(o, "prompt", true)
	r.Params = params(o)
	r.MaxTokens = maxTokens(o, 0, "max_tokens", "n_predict")
	if top := o.integer("logprobs", 0, maxTop); top != nil {
		r.Logprobs, r.TopLogprobs = true, *top
	}
	r.Echo = isTrue(o.flag("echo"))
	r.Suffix, _ = o.text("suffix")
	if best := o.integer("best_of", 1, maxChoices); best != nil {
		r.BestOf = *best
		switch {
		case *best < max(r.N, 1):
			d.fail(invalid("best_of", "is below n, which is %d", max(r.N, 1)))
		case *best > max(r.N, 1) && r.Stream:
			d.fail(unsupported("best_of", "cannot be streamed: which is best is known at the end"))
		}
	}
	if n := max(r.N, r.BestOf, 1) * len(r.Prompts); n > maxAnswers {
		d.fail(invalid("prompt", "the request asks for %d answers, the most is %d", n, maxAnswers))
	}
	if r.Echo && r.Suffix != "" {
		d.fail(invalid("suffix", "cannot be used together with echo"))
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// maxAnswers is the most answers of one request, all prompts together.
const maxAnswers = 2048

// prompts reads a text, token ids, or an array of either.
func prompts(o object, key string, special bool) []backend.Prompt {
	raw, ok := o.get(key)
	if !ok {
		o.missing(key)
		return nil
	}
	switch kindOf(raw) {
	case "a string":
		return []backend.Prompt{{Text: o.d.text(key, raw), AddSpecial: true, ParseSpecial: special}}
	case "an array":
	default:
		o.d.fail(invalid(key, "expected a string, an array of token ids, or an array of these, got %s", kindOf(raw)))
		return nil
	}
	items := o.d.items(key, raw)
	if len(items) == 0 {
		o.d.fail(invalid(key, "expected at least one token id or text"))
		return nil
	}
	if kindOf(items[0]) == "a number" {
		return []backend.Prompt{{Tokens: tokens(o.d, key, items)}}
	}
	out := make([]backend.Prompt, len(items))
	for i, item := range items {
		path := index(key, i)
		switch kindOf(item) {
		case "a string":
			out[i] = backend.Prompt{Text: o.d.text(path, item), AddSpecial: true, ParseSpecial: special}
		case "an array":
			out[i] = backend.Prompt{Tokens: tokens(o.d, path, o.d.items(path, item))}
			if len(out[i].Tokens) == 0 {
				o.d.fail(invalid(path, "expected at least one token id"))
			}
		default:
			o.d.fail(invalid(path, "expected a string or an array of token ids, got %s", kindOf(item)))
		}
		if o.d.err != nil {
			return nil
		}
	}
	return out
}

func tokens(d *decoder, path string, items []json.RawMessage) []backend.Token {
	out := make([]backend.Token, len(items))
	for i, item := range items {
		out[i] = backend.Token(d.integer(index(path, i), item, 0, math.MaxInt32))
	}
	return out
}
