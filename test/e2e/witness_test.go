package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api/openapi/openapitest"
)

// contract is openapi.yaml.
var contract = sync.OnceValues(openapitest.Load)

// witness stands between the clients and a daemon and holds all that passes against openapi.yaml.
type witness struct {
	*httptest.Server
	contract *openapitest.Contract
	mu       sync.Mutex
	wrong    []string
	seen     int
}

// newWitness stands before the daemon at a URL.
func newWitness(t *testing.T, daemon string) *witness {
	t.Helper()
	to, err := url.Parse(daemon)
	require.NoError(t, err)
	w := &witness{}
	w.contract, err = contract()
	require.NoError(t, err)
	w.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1,
		Transport: &recorder{witness: w, next: &http.Transport{
			DisableCompression: true,
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // who the daemon is, is not the witness's matter
		}},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // no answer, as the daemon gave none
	})
	return w
}

// close waits for what still passes, and fails the test for what was not as described.
func (w *witness) close(t *testing.T) {
	t.Helper()
	w.Server.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, wrong := range w.wrong {
		assert.Fail(t, "not as openapi.yaml says", wrong)
	}
	assert.Positive(t, w.seen, "no answer was seen")
}

func (w *witness) check(x openapitest.Exchange) {
	if x.Path == "/" || x.Path == "/chat.html" || strings.HasPrefix(x.Path, "/web/") {
		return // the chat page is no part of the API
	}
	err := w.contract.Check(x)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	if err != nil {
		w.wrong = append(w.wrong, err.Error())
	}
}

// recorder is a http.RoundTripper that keeps what it carries.
type recorder struct {
	*witness
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var asked []byte
	if req.Body != nil {
		var err error
		if asked, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(asked))
	}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &recording{ReadCloser: resp.Body, done: func(answer []byte, cut bool) {
		r.check(openapitest.Exchange{
			Method: req.Method, Path: req.URL.Path, Request: asked,
			Status: resp.StatusCode, Header: resp.Header, Answer: answer, Cut: cut,
		})
	}}
	return resp, nil
}

// recording is a body that is kept as it is read.
type recording struct {
	io.ReadCloser
	kept bytes.Buffer
	once sync.Once
	done func(answer []byte, cut bool)
}

// Read implements io.Reader.
func (r *recording) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.kept.Write(p[:n])
	if errors.Is(err, io.EOF) {
		r.once.Do(func() { r.done(r.kept.Bytes(), false) })
	}
	return n, err
}

// Close implements io.Closer.
func (r *recording) Close() error {
	r.once.Do(func() { r.done(r.kept.Bytes(), true) })
	return r.ReadCloser.Close()
}
