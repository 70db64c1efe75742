package api

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/api/openai"
)

// openPaths need no key: they are for machines that watch over this one, and tell nothing of it.
var openPaths = map[string]bool{"/health": true, "/livez": true, "/readyz": true, pathDescription: true}

// keys are the digests of the API keys that open the server. None: it is open to all.
type keys [][sha256.Size]byte

func newKeys(texts []string) *keys {
	out := make(keys, 0, len(texts))
	for _, t := range texts {
		if t != "" {
			out = append(out, sha256.Sum256([]byte(t)))
		}
	}
	return &out
}

// SetKeys makes these the API keys that clients need from now on; none opens the server to all.
func (s *Server) SetKeys(texts []string) { s.keys.Store(newKeys(texts)) }

// owner is who a request came from, as its API key tells. Both are "" without one.
type owner struct {
	name  string // for the log: short, and told to people
	scope string // what is kept for this key alone is kept under it: nobody else has the same
}

// authorize checks the key that a request brings, in a time that does not tell how near it was.
func (k keys) authorize(ctx *fasthttp.RequestCtx) (owner, error) {
	if path := string(ctx.Path()); len(k) == 0 || openPaths[path] || isPage(path) || ctx.IsOptions() {
		return owner{}, nil
	}
	given := ctx.Request.Header.Peek("x-api-key")
	if bearer, ok := bytes.CutPrefix(ctx.Request.Header.Peek("Authorization"), []byte("Bearer ")); ok {
		given = bearer
	}
	digest := sha256.Sum256(bytes.TrimSpace(given))
	match := 0
	for i := range k {
		match |= subtle.ConstantTimeCompare(digest[:], k[i][:])
	}
	if match == 1 {
		text := hex.EncodeToString(digest[:])
		return owner{name: text[:8], scope: "key " + text}, nil
	}
	ctx.Response.Header.Set("WWW-Authenticate", "Bearer")
	message := "the API key is wrong"
	if len(given) == 0 {
		message = "an API key is needed: send Authorization: Bearer KEY"
	}
	return owner{}, &openai.Error{Status: 401, Type: "authentication_error", Code: "invalid_api_key", Message: message}
}
