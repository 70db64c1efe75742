package openapitest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api/openapi/openapitest"
)

// A check that finds nothing wrong would be no check: each of these is wrong in one way.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	contract, err := openapitest.Load()
	require.NoError(t, err)
	header := func(contentType string) http.Header {
		return http.Header{"Content-Type": {contentType}, "X-Request-Id": {"1"}}
	}
	request := []byte(`{"model":"m","input":"x"}`)
	good := openapitest.Exchange{
		Method: "POST", Path: "/v1/embeddings", Request: request, Status: 200, Header: header("application/json"),
		Answer: []byte(`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`),
	}
	stream := openapitest.Exchange{
		Method: "POST", Path: "/v1/completions", Request: []byte(`{"model":"m","prompt":"x"}`), Status: 200, Header: header("text/event-stream; charset=utf-8"),
		Answer: []byte("data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"system_fingerprint\":\"fp_1\",\"choices\":[]}\n\ndata: [DONE]\n\n"),
	}
	require.NoError(t, contract.Check(good))
	require.NoError(t, contract.Check(stream))
	for name, spoil := range map[string]func(x *openapitest.Exchange){
		"an unknown path":       func(x *openapitest.Exchange) { x.Path = "/v1/nothing" },
		"an unknown method":     func(x *openapitest.Exchange) { x.Method = "PUT" },
		"an unknown status":     func(x *openapitest.Exchange) { x.Status = 302 },
		"another content type":  func(x *openapitest.Exchange) { x.Header = header("text/html") },
		"no request id":         func(x *openapitest.Exchange) { x.Header.Del("X-Request-Id") },
		"an answer cut short":   func(x *openapitest.Exchange) { x.Answer = x.Answer[:len(x.Answer)-1] },
		"a field too many":      func(x *openapitest.Exchange) { x.Answer = append([]byte(`{"more":1,`), x.Answer[1:]...) },
		"a request of its own":  func(x *openapitest.Exchange) { x.Request = []byte(`{"model":"m"}`) },
		"an error without form": func(x *openapitest.Exchange) { x.Status, x.Answer = 400, []byte(`{"error":"no"}`) },
		"busy without a time": func(x *openapitest.Exchange) {
			x.Status, x.Answer = 429, []byte(`{"error":{"message":"m","type":"server_error","param":null,"code":null}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := good
			x.Header = good.Header.Clone()
			spoil(&x)
			assert.Error(t, contract.Check(x))
		})
	}
	for name, answer := range map[string]string{
		"no end":                  "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"created\":1,\"model\":\"m\",\"system_fingerprint\":\"fp_1\",\"choices\":[]}\n\n",
		"half an event":           "data: [DONE]",
		"something after the end": "data: [DONE]\n\ndata: [DONE]\n\n",
		"a strange event":         "data: {\"a\":1}\n\ndata: [DONE]\n\n",
		"a strange line":          "dato: {}\n\ndata: [DONE]\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			x := stream
			x.Answer = []byte(answer)
			assert.Error(t, contract.Check(x))
		})
	}
}
