// Package hubtest is a hub on this machine: a server that speaks the paths of Hugging Face.
package hubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Repo is the one repository of a Server.
const Repo = "o/r"

// Server lists a repository in two pages and answers for its files with a redirect to another host, as the hub
// does. Fields that are not atomic are set while nobody asks.
type Server struct {
	*httptest.Server
	Files  map[string][]byte // by path
	Token  string            // without which only the other host answers; "": everybody may read
	Wrong  bool              // states a false SHA-256
	Status int               // of all answers; 0: as it should be
	Stall  bool              // an answer that is cut waits in place of breaking off, until its client goes

	CutAfter atomic.Int64 // bytes after which answers break off; 0: never
	Answers  atomic.Int64 // of files
	Ranges   atomic.Int64 // those that were parts
	Leaked   atomic.Bool  // a token came to the other host
}

// New starts a server, for the time of the test.
func New(t testing.TB, files map[string][]byte) *Server {
	s := &Server{Files: files}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

// FileURL is the address of a file at the other host.
func (s *Server) FileURL(path string) string {
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/cdn/" + (&url.URL{Path: path}).EscapedPath()
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	const tree, files, cdn = "/api/models/" + Repo + "/tree/main", "/" + Repo + "/resolve/main/", "/cdn/"
	if s.Status != 0 {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(s.Status)
		return
	}
	authorization := r.Header.Get("Authorization")
	elsewhere := strings.HasPrefix(r.URL.Path, cdn)
	if elsewhere && authorization != "" {
		s.Leaked.Store(true)
	}
	if s.Token != "" && !elsewhere && authorization != "Bearer "+s.Token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case r.URL.Path == tree && r.URL.Query().Get("cursor") == "":
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?cursor=2>; rel="next"`, s.URL, tree))
		fmt.Fprint(w, `[{"type":"directory","path":"sub"},{"type":"file","path":"README.md","size":3}]`)
	case r.URL.Path == tree:
		fmt.Fprintf(w, "[%s]", strings.Join(s.entries(), ","))
	case strings.HasPrefix(r.URL.Path, files):
		http.Redirect(w, r, s.FileURL(strings.TrimPrefix(r.URL.Path, files)), http.StatusFound)
	case elsewhere:
		s.file(w, r, strings.TrimPrefix(r.URL.Path, cdn))
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) entries() []string {
	var out []string
	for name, data := range s.Files {
		digest := sha256.Sum256(data)
		if s.Wrong {
			digest[0] ^= 1
		}
		out = append(out, fmt.Sprintf(`{"type":"file","path":%q,"size":100,"lfs":{"oid":%q,"size":%d}}`, name, hex.EncodeToString(digest[:]), len(data)))
	}
	return out
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, path string) {
	data, ok := s.Files[path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.Answers.Add(1)
	var from int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
		s.Ranges.Add(1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	rest := data[from:]
	cut := int(s.CutAfter.Load())
	if cut <= 0 || cut >= len(rest) {
		_, _ = w.Write(rest)
		return
	}
	_, _ = w.Write(rest[:cut])
	if s.Stall {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// Bytes are n bytes that look random and are always the same.
func Bytes(n int) []byte {
	out := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}
