package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// certify writes a certificate for this machine and its key, and returns who trusts it.
func certify(t *testing.T, dir string) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(cert, public, 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	trust = x509.NewCertPool()
	require.True(t, trust.AppendCertsFromPEM(public))
	return cert, key, trust
}

// The daemon's edge: TLS, keys that are read again, web pages, and bounds of requests.
func TestEdge(t *testing.T) {
	dir := t.TempDir()
	cert, key, trust := certify(t, dir)
	keys := filepath.Join(dir, "keys")
	require.NoError(t, os.WriteFile(keys, []byte("first-key\n"), 0o600))
	d := start(t, fmt.Sprintf("server: {tls_cert: %q, tls_key: %q, api_keys_file: %q, max_body: 16KiB, max_streams: 1, queue: 0, origins: [https://chat.example]}", cert, key, keys)+oneModel)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	ask := func(method, path, key, body string, header ...string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+d.addr+path, strings.NewReader(body))
		require.NoError(t, err)
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, resp.Header, string(answer)
	}
	hello := `{"model":"smollm2-135m","max_tokens":2,"messages":[{"role":"user","content":"hello"}]}`

	status, header, body := ask("GET", "/v1/models", "", "")
	assert.Equal(t, 401, status)
	assert.Equal(t, "Bearer", header.Get("WWW-Authenticate"))
	assert.Contains(t, body, "Authorization: Bearer KEY")
	status, _, body = ask("POST", "/v1/chat/completions", "first-key", hello)
	assert.Equal(t, 200, status, body)
	status, _, _ = ask("GET", "/openapi.yaml", "", "")
	assert.Equal(t, 200, status, "the description tells nothing of the machine")

	require.NoError(t, os.WriteFile(keys, []byte("second-key\n"), 0o600))
	d.eventually("the new key", func() bool {
		status, _, _ := ask("GET", "/v1/models", "second-key", "")
		return status == 200
	})
	status, _, _ = ask("GET", "/v1/models", "first-key", "")
	assert.Equal(t, 401, status, "the old key holds no more")

	status, header, _ = ask("GET", "/v1/models", "second-key", "", "Origin", "https://chat.example")
	assert.Equal(t, 200, status)
	assert.Equal(t, "https://chat.example", header.Get("Access-Control-Allow-Origin"))
	status, _, _ = ask("GET", "/v1/models", "second-key", "", "Origin", "https://elsewhere.example")
	assert.Equal(t, 403, status)
	status, header, _ = ask("OPTIONS", "/v1/chat/completions", "", "", "Origin", "https://chat.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	assert.Equal(t, 204, status)
	assert.Equal(t, "authorization", header.Get("Access-Control-Allow-Headers"))

	status, _, body = ask("POST", "/v1/chat/completions", "second-key", strings.Repeat(" ", 17<<10)+hello)
	assert.Equal(t, 413, status, body)

	long := `{"model":"smollm2-135m","max_tokens":1500,"ignore_eos":true,"stream":true,"messages":[{"role":"user","content":"hello"}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+d.addr+"/v1/chat/completions", strings.NewReader(long))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer second-key")
	running, err := client.Do(req)
	require.NoError(t, err)
	require.Equal(t, 200, running.StatusCode)
	status, header, body = ask("POST", "/v1/chat/completions", "second-key", hello)
	assert.Equal(t, 429, status, body)
	assert.NotEmpty(t, header.Get("Retry-After"))
	running.Body.Close()
	d.eventually("the place to be free", func() bool {
		status, _, _ := ask("POST", "/v1/chat/completions", "second-key", hello)
		return status == 200
	})
	assert.NotContains(t, d.log.String(), "second-key", "the log never says a key")
}

// A request that takes longer than the server lets it is a 504.
func TestRequestTimeout(t *testing.T) {
	d := start(t, "server: {request_timeout: 2s}"+oneModel)
	status, body := d.post(t.Context(), "/v1/kakeya/load", `{"model":"smollm2-135m"}`)
	require.Equal(t, 200, status, "%s", body)
	params := chatParams("Write a very long story about the sea.")
	params.N, params.MaxTokens = openai.Int(8), openai.Int(1900)
	params.SetExtraFields(map[string]any{"ignore_eos": true})
	client := d.client()
	_, err := client.Chat.Completions.New(t.Context(), params)
	var api *openai.Error
	require.ErrorAs(t, err, &api)
	assert.Equal(t, 504, api.StatusCode)
	assert.Equal(t, "timeout", api.Code)
	assert.Contains(t, api.Message, "2s")
	d.awaitActive(0)
}

// Serving others than this machine without a key is warned of.
func TestOpenAddressIsWarnedOf(t *testing.T) {
	open := start(t, oneModel, "--listen", "0.0.0.0:0")
	assert.Contains(t, open.log.String(), "ANYONE WHO REACHES THIS ADDRESS CAN USE YOUR MODELS")
	assert.Contains(t, open.log.String(), "KAKEYAD_SERVER__API_KEY")
	closed := start(t, oneModel)
	assert.NotContains(t, closed.log.String(), "ANYONE")
}

// Models are loaded and let go of when somebody asks for it.
func TestLoadAndUnload(t *testing.T) {
	d := start(t, oneModel)
	state := func() string {
		var m struct{ Kakeya struct{ State string } }
		require.Equal(t, 200, d.get("/v1/models/"+smollm2, &m))
		return m.Kakeya.State
	}
	require.Equal(t, "unloaded", state())
	status, body := d.post(t.Context(), "/v1/kakeya/load", `{"model":"smollm2-135m"}`)
	require.Equal(t, 200, status, "%s", body)
	require.Equal(t, "loaded", state())
	status, body = d.post(t.Context(), "/v1/kakeya/unload", `{"model":"smollm2-135m"}`)
	require.Equal(t, 200, status, "%s", body)
	require.Equal(t, "unloaded", state())
	require.Zero(t, d.stats().Pool.UsedBytes)
	client := d.client()
	_, err := client.Chat.Completions.New(t.Context(), chatParams("hello"))
	require.NoError(t, err)
	require.Equal(t, "loaded", state())
}

// llama-server's endpoints: tokens there and back, and the prompt of a chat.
func TestTokensAndTemplate(t *testing.T) {
	d := start(t, oneModel)
	const text = "Hello, wörld 🦊<|im_end|>"
	post := func(path string, body any, into any) {
		t.Helper()
		status, answer := d.post(t.Context(), path, string(mustJSON(t, body)))
		require.Equal(t, 200, status, "%s", answer)
		require.NoError(t, json.Unmarshal(answer, into))
	}
	var tokens struct{ Tokens []int }
	post("/tokenize", map[string]any{"content": text, "add_special": false}, &tokens)
	require.NotEmpty(t, tokens.Tokens)
	assert.Equal(t, 2, tokens.Tokens[len(tokens.Tokens)-1], "names of control tokens are these")
	var back struct{ Content string }
	post("/detokenize", map[string]any{"tokens": tokens.Tokens}, &back)
	assert.Equal(t, text, back.Content)
	var literal struct{ Tokens []int }
	post("/tokenize", map[string]any{"content": text, "parse_special": false}, &literal)
	assert.Greater(t, len(literal.Tokens), len(tokens.Tokens))
	var pieces struct {
		Tokens []struct {
			ID    int
			Piece any
		}
	}
	post("/tokenize", map[string]any{"content": text, "with_pieces": true}, &pieces)
	require.Len(t, pieces.Tokens, len(tokens.Tokens))

	var prompt struct{ Prompt string }
	chat := map[string]any{"messages": []any{map[string]any{"role": "user", "content": "hello"}}}
	post("/apply-template", chat, &prompt)
	assert.Contains(t, prompt.Prompt, "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n")
	var inChat struct {
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		}
	}
	chat["model"], chat["max_tokens"] = smollm2, 1
	post("/v1/chat/completions", chat, &inChat)
	var ofPrompt struct{ Tokens []int }
	post("/tokenize", map[string]any{"content": prompt.Prompt}, &ofPrompt)
	assert.Len(t, ofPrompt.Tokens, inChat.Usage.Prompt, "the chat has the prompt that the template makes")
}
