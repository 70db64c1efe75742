package openai

import (
	"encoding/json"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// TokenRequest is the body of /tokenize and /detokenize.
type TokenRequest struct {
	Model        string // "": the only one
	Content      string
	Tokens       []backend.Token
	AddSpecial   bool
	ParseSpecial bool
	Pieces       bool
}

// ReadTokenize reads the body of /tokenize, in llama-server's shape.
func ReadTokenize(body []byte) (*TokenRequest, error) {
	return readTokens(body, func(o object, r *TokenRequest) {
		var ok bool
		if r.Content, ok = o.text("content"); !ok {
			o.missing("content")
		}
		r.AddSpecial = isTrue(o.flag("add_special"))
		r.Pieces = isTrue(o.flag("with_pieces"))
		parse := o.flag("parse_special")
		r.ParseSpecial = parse == nil || *parse
	})
}

// ReadDetokenize reads the body of /detokenize.
func ReadDetokenize(body []byte) (*TokenRequest, error) {
	return readTokens(body, func(o object, r *TokenRequest) {
		raw, ok := o.get("tokens")
		if !ok {
			o.missing("tokens")
			return
		}
		r.Tokens = tokens(o.d, "tokens", o.d.items("tokens", raw))
	})
}

func readTokens(body []byte, read func(object, *TokenRequest)) (*TokenRequest, error) {
	d := &decoder{}
	o := d.body(body)
	r := &TokenRequest{}
	if d.err == nil {
		r.Model, _ = o.text("model")
		read(o, r)
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// ReadModel reads a body that names a model and nothing else.
func ReadModel(body []byte) (string, error) {
	d := &decoder{}
	o := d.body(body)
	name := ""
	if d.err == nil {
		name = o.requiredText("model")
	}
	if d.err != nil {
		return "", d.err
	}
	return name, nil
}

// WithModel gives a chat's body a model if it has none.
func WithModel(body []byte, model string) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil || fields["model"] != nil {
		return body
	}
	fields["model"] = AppendString(nil, model)
	out, err := json.Marshal(fields)
	if err != nil {
		return body
	}
	return out
}
