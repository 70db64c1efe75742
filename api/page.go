package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// web is the chat page. It is served as it is: nothing is built, and nothing comes from elsewhere.
//
//go:embed web
var web embed.FS

const pathPage = "/chat.html"

// pagePolicy lets the page run and style by what this server sends and by nothing that is written in
// it, call this server alone, and make HTML of text only in the one place that renders Markdown.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types kakeyad-markdown"

// pageFile is one file of the page.
type pageFile struct {
	kind    string // content type
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
		files["/"+name] = newPageFile(name, body)
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("the chat page in the binary cannot be read: %v", err)) // cannot be: it was compiled in
	}
	files["/"], files[pathPage] = files["/web"+pathPage], files["/web"+pathPage]
	delete(files, "/web"+pathPage)
	return files
})

func newPageFile(name string, body []byte) *pageFile {
	digest := sha256.Sum256(body)
	f := &pageFile{kind: kindOf(name), etag: `"` + hex.EncodeToString(digest[:8]) + `"`, body: body}
	if path.Ext(name) == ".woff2" {
		return f
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	if b.Len() < len(body) {
		f.smaller = b.Bytes()
	}
	return f
}

func kindOf(name string) string {
	switch path.Ext(name) {
	case ".mjs", ".js":
		return "text/javascript; charset=utf-8"
	case ".woff2":
		return "font/woff2"
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
	if strings.HasPrefix(f.kind, "text/html") {
		h.Set("Content-Security-Policy", pagePolicy)
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
