package openai

import (
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// EmbeddingRequest is the body of /v1/embeddings.
type EmbeddingRequest struct {
	Model      string
	Inputs     []backend.Prompt
	Base64     bool
	Dimensions int // 0: the model's
}

// ReadEmbedding reads the body of /v1/embeddings. The error is an *Error.
func ReadEmbedding(body []byte) (*EmbeddingRequest, error) {
	d := &decoder{}
	o := d.body(body)
	if d.err != nil {
		return nil, d.err
	}
	r := &EmbeddingRequest{Model: o.requiredText("model"), Inputs: prompts(o, "input", false)}
	if len(r.Inputs) > maxAnswers {
		d.fail(invalid("input", "expected at most %d, got %d", maxAnswers, len(r.Inputs)))
	}
	if n := o.integer("dimensions", 1, math.MaxInt32); n != nil {
		r.Dimensions = *n
	}
	switch format, ok := o.text("encoding_format"); {
	case format == "base64":
		r.Base64 = true
	case ok && format != "float":
		d.fail(invalid("encoding_format", "expected \"float\" or \"base64\", got %.64q", format))
	}
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}
