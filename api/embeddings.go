package api

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/kakeyad/kakeyad/api/openai"
)

// embeddings is POST /v1/embeddings.
func (s *Server) embeddings(x *exchange) error {
	req, err := openai.ReadEmbedding(x.http.PostBody())
	if err != nil {
		return err
	}
	call, ctx, release, err := s.open(x, req.Model)
	if err != nil {
		return err
	}
	defer release()
	if width := call.Model().Embedding; req.Dimensions != 0 && req.Dimensions != width {
		return &openai.Error{
			Status: 400, Type: openai.TypeInvalid, Param: "dimensions", Code: "unsupported_value",
			Message: fmt.Sprintf("dimensions: this model's vectors have %d", width),
		}
	}
	out, err := call.Embed(ctx, req.Inputs)
	if err != nil {
		return causeOr(ctx, err)
	}
	b := []byte(`{"object":"list","data":[`)
	for i, v := range out.Vectors {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"object":"embedding","index":`...), int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = append(appendVector(b, v, req.Base64), '}')
	}
	b = openai.AppendString(append(b, `],"model":`...), x.model)
	b = fmt.Appendf(b, `,"usage":{"prompt_tokens":%d,"total_tokens":%d}}`, out.PromptTokens, out.PromptTokens)
	writeJSON(x.http, b)
	return nil
}

// appendVector appends numbers, or in base64 their bytes, little endian.
func appendVector(b []byte, v []float32, packed bool) []byte {
	if packed {
		raw := make([]byte, 0, 4*len(v))
		for _, f := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		b = base64.StdEncoding.AppendEncode(append(b, '"'), raw)
		return append(b, '"')
	}
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return append(b, ']')
}
