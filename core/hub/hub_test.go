package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/hub/hubtest"
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

func fetch(t *testing.T, s *hubtest.Server, text, folder string) (string, error) {
	t.Helper()
	c := &Client{Endpoint: s.URL, Token: s.Token}
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
	s := hubtest.New(t, map[string][]byte{"a-Q4_K_M.gguf": hubtest.Bytes(300_000), "a-Q8_0.gguf": hubtest.Bytes(400_000)})
	folder := t.TempDir()
	path, err := fetch(t, s, "o/r", folder)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folder, "a-Q4_K_M.gguf"), path)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, s.Files["a-Q4_K_M.gguf"], got)
	_, err = fetch(t, s, "o/r", folder)
	require.NoError(t, err, "a file that is there is kept")
	assert.EqualValues(t, 1, s.Answers.Load())
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = fetch(t, s, "o/r", folder)
	require.ErrorIs(t, err, os.ErrExist, "another file of the name is not written over")
}

func TestABrokenDownloadGoesOn(t *testing.T) {
	s := hubtest.New(t, map[string][]byte{"a.gguf": hubtest.Bytes(500_000)})
	s.CutAfter.Store(100_000)
	folder := t.TempDir()
	path, err := fetch(t, s, "o/r", folder)
	require.NoError(t, err, "each attempt brings 100,000 bytes more")
	assert.Positive(t, s.Ranges.Load())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, s.Files["a.gguf"], got)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no .part is left")

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "a.gguf.part"), s.Files["a.gguf"][:200_000], 0o600))
	s.CutAfter.Store(0)
	before := s.Ranges.Load()
	_, err = fetch(t, s, "o/r", other)
	require.NoError(t, err)
	assert.Equal(t, before+1, s.Ranges.Load(), "an earlier command's part is gone on with")
}

func TestWhatIsNotTheModelIsNotKept(t *testing.T) {
	s := hubtest.New(t, map[string][]byte{"a.gguf": hubtest.Bytes(1000)})
	s.Wrong = true
	folder := t.TempDir()
	_, err := fetch(t, s, "o/r", folder)
	require.ErrorIs(t, err, ErrChecksum)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestSplitModels(t *testing.T) {
	files := map[string][]byte{"q/a-Q4_0-00001-of-00002.gguf": hubtest.Bytes(1000), "q/a-Q4_0-00002-of-00002.gguf": hubtest.Bytes(2000)}
	s := hubtest.New(t, files)
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
	s := hubtest.New(t, map[string][]byte{"a-Q5_0.gguf": hubtest.Bytes(10), "a-Q6_K.gguf": hubtest.Bytes(20)})
	_, err := fetch(t, s, "o/r", t.TempDir())
	require.ErrorIs(t, err, ErrAmbiguous)
	_, err = fetch(t, s, "o/r:Q2_K", t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	_, err = fetch(t, s, "o/other", t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	s.Token = "secret"
	_, err = (&Client{Endpoint: s.URL}).List(t.Context(), Reference{Repo: "o/r", Revision: "main"})
	require.ErrorIs(t, err, ErrForbidden)
	assert.Contains(t, err.Error(), "HF_TOKEN")
	_, err = fetch(t, s, "o/r:Q5_0", t.TempDir())
	require.NoError(t, err, "with the token")
	assert.False(t, s.Leaked.Load(), "the token goes to the hub alone")
	s.Status = http.StatusTooManyRequests
	_, err = fetch(t, s, "o/r", t.TempDir())
	require.ErrorIs(t, err, ErrBusy)
	assert.Contains(t, err.Error(), "in 7 s")
}

func TestAPlainURL(t *testing.T) {
	s := hubtest.New(t, map[string][]byte{"a.gguf": hubtest.Bytes(1000)})
	path, err := fetch(t, s, s.FileURL("a.gguf"), t.TempDir())
	require.NoError(t, err)
	assert.FileExists(t, path)
}
