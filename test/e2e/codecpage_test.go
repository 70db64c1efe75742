package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The daemon that `make build` makes has the codec for browsers in it.
func TestCodecPageIsServedWhole(t *testing.T) {
	d := start(t, oneModel)
	for path, kind := range map[string]string{
		"/codec.html":             "text/html; charset=utf-8",
		"/web/codec/wasm_exec.js": "text/javascript; charset=utf-8",
		"/web/codec/codec.wasm":   "application/wasm",
	} {
		resp, err := http.Get("http://" + d.addr + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode, path)
		assert.Equal(t, kind, resp.Header.Get("Content-Type"), path)
		if kind == "application/wasm" {
			assert.Equal(t, "\x00asm", string(body[:4]))
		}
	}
}
