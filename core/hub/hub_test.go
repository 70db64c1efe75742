package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseReference(t *testing.T) {
	for text, want := range map[string]Reference{
		"owner/repo":                          {Repo: "owner/repo", Revision: "main"},
		"owner/repo:Q8_0":                     {Repo: "owner/repo", Revision: "main", Quant: "Q8_0"},
		"hf.co/owner/repo:q4_k_m":             {Repo: "owner/repo", Revision: "main", Quant: "q4_k_m"},
		"https://huggingface.co/owner/repo":   {Repo: "owner/repo", Revision: "main"},
		"owner/repo/sub/a.gguf":               {Repo: "owner/repo", Revision: "main", File: "sub/a.gguf"},
		"https://hf.co/o/r/blob/v2/a-Q4.gguf": {Repo: "o/r", Revision: "v2", File: "a-Q4.gguf"},
		"https://models.example/x/a.gguf":     {URL: "https://models.example/x/a.gguf"},
	} {
		got, err := ParseReference(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "model", "../../etc", "owner/repo/a.bin", "owner/../a.gguf", "o/r/../../a.gguf", "https://models.example/page.html", "ftp://x/a.gguf"} {
		_, err := ParseReference(text)
		assert.ErrorIs(t, err, ErrReference, text)
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("hf.co/owner/repo:Q4_K_M")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseReference(text)
		if err == nil && strings.Contains("/"+r.File+"/", "/../") {
			t.Fatal("a path that leads out of the repository")
		}
	})
}

// server speaks the hub's paths. Files come after a redirect, as from the hub.
type server struct {
	*httptest.Server
	files    map[string][]byte
	token    string
	cutAfter atomic.Int64 // bytes after which the next answers break off; 0: never
	wrong    bool         // states a false SHA-256
	ranges   atomic.Int64 // answers that were parts
	status   int          // of all answers; 0: as it should be
}

func newServer(t *testing.T, files map[string][]byte) *server {
	s := &server{files: files}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	if s.status != 0 {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(s.status)
		return
	}
	if s.token != "" && !strings.HasPrefix(r.URL.Path, "/cdn/") && r.Header.Get("Authorization") != "Bearer "+s.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	switch {
	case r.URL.Path == "/api/models/o/r/tree/main" && r.URL.Query().Get("cursor") == "":
		w.Header().Set("Link", fmt.Sprintf(`<%s/api/models/o/r/tree/main?cursor=2>; rel="next"`, s.URL))
		fmt.Fprint(w, `[{"type":"directory","path":"sub"},{"type":"file","path":"README.md","size":3}]`)
	case r.URL.Path == "/api/models/o/r/tree/main":
		var lines []string
		for name, data := range s.files {
			digest := sha256.Sum256(data)
			if s.wrong {
				digest[0] ^= 1
			}
			lines = append(lines, fmt.Sprintf(`{"type":"file","path":%q,"size":100,"lfs":{"oid":%q,"size":%d}}`, name, hex.EncodeToString(digest[:]), len(data)))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(lines, ","))
	case strings.HasPrefix(r.URL.Path, "/o/r/resolve/main/"):
		http.Redirect(w, r, "/cdn/"+strings.TrimPrefix(r.URL.Path, "/o/r/resolve/main/"), http.StatusFound)
	case strings.HasPrefix(r.URL.Path, "/cdn/"):
		s.file(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) file(w http.ResponseWriter, r *http.Request) {
	data, ok := s.files[strings.TrimPrefix(r.URL.Path, "/cdn/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	var from int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
		s.ranges.Add(1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	rest := data[from:]
	if cut := int(s.cutAfter.Load()); cut > 0 && cut < len(rest) {
		_, _ = w.Write(rest[:cut])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(rest)
}

func random(n int) []byte {
	out := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func fetch(t *testing.T, s *server, text, folder string) (string, error) {
	t.Helper()
	c := &Client{Endpoint: s.URL, Token: s.token}
	r, err := ParseReference(text)
	require.NoError(t, err)
	all, err := c.List(t.Context(), r)
	if err != nil {
		return "", err
	}
	m, err := Choose(r, all)
	if err != nil {
		return "", err
	}
	return c.Download(t.Context(), m, folder, nil)
}

func TestDownloadIsWholeAndCheckedAndKept(t *testing.T) {
	s := newServer(t, map[string][]byte{"a-Q4_K_M.gguf": random(300_000), "a-Q8_0.gguf": random(400_000)})
	folder := t.TempDir()
	path, err := fetch(t, s, "o/r", folder)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "a-Q4_K_M.gguf"), path)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, s.files["a-Q4_K_M.gguf"], got)
	before := s.ranges.Load()
	_, err = fetch(t, s, "o/r", folder)
	require.NoError(t, err, "a file that is there is kept")
	assert.Equal(t, before, s.ranges.Load())
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = fetch(t, s, "o/r", folder)
	require.ErrorIs(t, err, os.ErrExist, "another file of the name is not written over")
}

func TestABrokenDownloadGoesOn(t *testing.T) {
	s := newServer(t, map[string][]byte{"a.gguf": random(500_000)})
	s.cutAfter.Store(100_000)
	folder := t.TempDir()
	path, err := fetch(t, s, "o/r", folder)
	require.NoError(t, err, "each attempt brings 100,000 bytes more")
	assert.Positive(t, s.ranges.Load())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, s.files["a.gguf"], got)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no .part is left")

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "a.gguf.part"), s.files["a.gguf"][:200_000], 0o600))
	s.cutAfter.Store(0)
	before := s.ranges.Load()
	_, err = fetch(t, s, "o/r", other)
	require.NoError(t, err)
	assert.Equal(t, before+1, s.ranges.Load(), "an earlier command's part is gone on with")
}

func TestWhatIsNotTheModelIsNotKept(t *testing.T) {
	s := newServer(t, map[string][]byte{"a.gguf": random(1000)})
	s.wrong = true
	folder := t.TempDir()
	_, err := fetch(t, s, "o/r", folder)
	require.ErrorIs(t, err, ErrChecksum)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestSplitModels(t *testing.T) {
	files := map[string][]byte{"q/a-Q4_0-00001-of-00002.gguf": random(1000), "q/a-Q4_0-00002-of-00002.gguf": random(2000)}
	s := newServer(t, files)
	folder := t.TempDir()
	path, err := fetch(t, s, "o/r:q4_0", folder)
	require.NoError(t, err)
	assert.Equal(t, "a-Q4_0-00001-of-00002.gguf", filepath.Base(path))
	assert.FileExists(t, filepath.Join(folder, "a-Q4_0-00002-of-00002.gguf"))
	delete(files, "q/a-Q4_0-00002-of-00002.gguf")
	_, err = fetch(t, s, "o/r:q4_0", t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
}

func TestWhatServersRefuse(t *testing.T) {
	s := newServer(t, map[string][]byte{"a-Q5_0.gguf": random(10), "a-Q6_K.gguf": random(20)})
	_, err := fetch(t, s, "o/r", t.TempDir())
	require.ErrorIs(t, err, ErrAmbiguous)
	_, err = fetch(t, s, "o/r:Q2_K", t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = fetch(t, s, "o/other", t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	s.token = "secret"
	_, err = (&Client{Endpoint: s.URL}).List(t.Context(), Reference{Repo: "o/r", Revision: "main"})
	require.ErrorIs(t, err, ErrForbidden)
	assert.Contains(t, err.Error(), "HF_TOKEN")
	_, err = fetch(t, s, "o/r:Q5_0", t.TempDir())
	require.NoError(t, err, "with the token")
	s.status = http.StatusTooManyRequests
	_, err = fetch(t, s, "o/r", t.TempDir())
	require.ErrorIs(t, err, ErrBusy)
	assert.Contains(t, err.Error(), "in 7 s")
}

func TestAPlainURL(t *testing.T) {
	s := newServer(t, map[string][]byte{"a.gguf": random(1000)})
	path, err := fetch(t, s, s.URL+"/cdn/a.gguf", t.TempDir())
	require.NoError(t, err)
	assert.FileExists(t, path)
}
