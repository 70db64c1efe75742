package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// web is the chat page and the codec page. They are served as they are, and nothing comes from elsewhere. Nothing is
// built but web/codec: plugins/e8codec/demo compiled for browsers, which `make build-codec-page` puts there, and
// without which the codec page says so.
//
//go:embed web
var web embed.FS

// The pages.
const (
	pathPage  = "/chat.html"
	pathCodec = "/codec.html"
)

// pagePolicy lets the page run and style by what this server sends and by nothing that is written in
// it, call this server alone, and make HTML of text only in the one place that renders Markdown.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types kakeyad-markdown"

// codecPolicy is that, and the codec may be compiled.
const codecPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; font-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// pageFile is one file of the page.
type pageFile struct {
	kind    string // content type
	policy  string // of a page
	etag    string
	body    []byte
	smaller []byte // gzipped; nil where that gains nothing
}

// pageFiles are the page's files by the path that each is served at. They need no API key: they are
// the same for everybody, and it is in the page that a person enters one.
var pageFiles = sync.OnceValue(func() map[string]*pageFile {
	files := map[string]*pageFile{}
	err := fs.WalkDir(web, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := web.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := newPageFile(name, body)
		files["/"+strings.TrimSuffix(name, packed)] = f
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("the pages in the binary cannot be read: %v", err)) // cannot be: it was compiled in
	}
	for page, policy := range map[string]string{pathPage: pagePolicy, pathCodec: codecPolicy} {
		files[page] = files["/web"+page]
		files[page].policy = policy
		delete(files, "/web"+page)
	}
	files["/"] = files[pathPage]
	return files
})

// packed ends the name of a file that is gzipped already and served under the name without it.
const packed = ".gz"

func newPageFile(name string, body []byte) (*pageFile, error) {
	digest := sha256.Sum256(body)
	f := &pageFile{kind: kindOf(strings.TrimSuffix(name, packed)), etag: `"` + hex.EncodeToString(digest[:8]) + `"`, body: body}
	switch path.Ext(name) {
	case ".woff2":
		return f, nil
	case packed:
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if f.body, err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		f.smaller = body
		return f, nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	if b.Len() < len(body) {
		f.smaller = b.Bytes()
	}
	return f, nil
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".mjs", ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
	case ".wasm":
		return "application/wasm"
	case "", ".md":
		return "text/plain; charset=utf-8"
	}
	return mime.TypeByExtension(path.Ext(name))
}

func isPage(path string) bool { return pageFiles()[path] != nil }

// page answers with a file of the chat page. Browsers ask each time whether it has changed.
func (s *Server) page(x *exchange) error {
	f := pageFiles()[x.path]
	h := &x.http.Response.Header
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if string(x.http.Request.Header.Peek("If-None-Match")) == f.etag {
		x.http.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	x.http.SetContentType(f.kind)
	body := f.body
	if f.smaller != nil {
		h.Add("Vary", "Accept-Encoding")
		if x.http.Request.Header.HasAcceptEncoding("gzip") {
			h.Set("Content-Encoding", "gzip")
			body = f.smaller
		}
	}
	x.http.Response.SetBodyRaw(body)
	return nil
}
