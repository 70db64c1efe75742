package openai

import (
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// CompletionRequest is the body of /v1/completions.
type CompletionRequest struct {
	Model string
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
	r := &CompletionRequest{Model: o.requiredText("model"), Delivery: delivery(o)}
	r.Text, r.Tokens = prompt(o)
	r.Params = params(o)
	r.MaxTokens = maxTokens(o, "max_tokens", "n_predict")
	if top := o.integer("logprobs", 0, maxTop); top != nil {
		r.Logprobs, r.TopLogprobs = true, *top
	}
	if isTrue(o.flag("echo")) {
		d.fail(unsupported("echo", "is not supported"))
	}
	if suffix, ok := o.text("suffix"); ok && suffix != "" {
		d.fail(unsupported("suffix", "is not supported"))
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// prompt reads text or token ids. An array of one prompt is that prompt.
func prompt(o object) (text string, tokens []backend.Token) {
	raw, ok := o.get("prompt")
	if !ok {
		o.missing("prompt")
		return "", nil
	}
	path := "prompt"
	for depth := 0; ; depth++ {
		if kindOf(raw) == "a string" {
			return o.d.text(path, raw), nil
		}
		if kindOf(raw) != "an array" || depth == 2 {
			o.d.fail(invalid(path, "expected a string or an array of token ids, got %s", kindOf(raw)))
			return "", nil
		}
		items := o.d.items(path, raw)
		if len(items) == 0 {
			o.d.fail(invalid(path, "expected at least one token id"))
			return "", nil
		}
		if kindOf(items[0]) == "a number" {
			tokens = make([]backend.Token, len(items))
			for i, item := range items {
				tokens[i] = backend.Token(o.d.integer(index(path, i), item, 0, math.MaxInt32))
			}
			return "", tokens
		}
		if len(items) > 1 {
			o.d.fail(unsupported(path, "only one prompt is supported, got %d", len(items)))
			return "", nil
		}
		raw, path = items[0], index(path, 0)
	}
}
