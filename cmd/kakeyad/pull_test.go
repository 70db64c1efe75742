package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
	"github.com/kakeyad/kakeyad/core/hub/hubtest"
)

// hubOf starts a hub whose repository has models of these quantisations, each larger than the one before, and
// makes it the one that pull asks.
func hubOf(t *testing.T, quants ...string) *hubtest.Server {
	t.Helper()
	files := map[string][]byte{}
	for i, q := range quants {
		files["sub/tiny-"+q+".gguf"] = gguftest.Model("Tiny", "", 300_000*(i+1))
	}
	s := hubtest.New(t, files)
	t.Setenv("HF_ENDPOINT", s.URL)
	t.Setenv("HF_TOKEN", "")
	return s
}

func requireFile(t *testing.T, want []byte, elements ...string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(elements...))
	require.NoError(t, err)
	require.True(t, string(want) == string(got), "the file is the hub's")
}

func requireEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.True(t, err == nil || errors.Is(err, os.ErrNotExist), err)
	require.Empty(t, entries)
}

func TestPullFetchesWhatIsNamedElseThePreferred(t *testing.T) {
	s := hubOf(t, "Q2_K", "Q4_K_M", "Q8_0")
	folder := t.TempDir()
	out, err := run(t, "pull", hubtest.Repo, "--models-dir", folder, "--list")
	require.NoError(t, err)
	assert.Regexp(t, `(?s)QUANT +SIZE +FILE.*Q2_K +1 MiB +sub/tiny-Q2_K.gguf.*Q4_K_M.*Q8_0 +3 MiB`, out)
	requireEmpty(t, folder)

	out, err = run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.NoError(t, err)
	assert.Contains(t, out, "tiny-Q4_K_M.gguf: 100 % of 2 MiB", "progress, line by line where there is no terminal")
	assert.Contains(t, out, filepath.Join(folder, "tiny-Q4_K_M.gguf")+"\n")
	requireFile(t, s.Files["sub/tiny-Q4_K_M.gguf"], folder, "tiny-Q4_K_M.gguf")

	_, err = run(t, "pull", "hf.co/"+hubtest.Repo+":q8_0", "--models-dir", folder)
	require.NoError(t, err)
	requireFile(t, s.Files["sub/tiny-Q8_0.gguf"], folder, "tiny-Q8_0.gguf")
	_, err = run(t, "pull", hubtest.Repo+"/sub/tiny-Q2_K.gguf", "--models-dir", folder)
	require.NoError(t, err)
	requireFile(t, s.Files["sub/tiny-Q2_K.gguf"], folder, "tiny-Q2_K.gguf")
	out, err = run(t, "list", "--models-dir", folder)
	require.NoError(t, err)
	assert.Contains(t, out, "tiny-Q8_0.gguf", "what was fetched is a channel")
}

func TestPullAsksAPersonToChoose(t *testing.T) {
	hubOf(t, "Q5_0", "Q6_K")
	folder := t.TempDir()
	for reference, want := range map[string]string{hubtest.Repo: "several files fit", hubtest.Repo + ":Q2_K": "not found"} {
		out, err := run(t, "pull", reference, "--models-dir", folder)
		require.ErrorContains(t, err, want, reference)
		require.ErrorContains(t, err, "name one, such as o/r:Q5_0", reference)
		assert.Regexp(t, `(?s)o/r has:.*Q5_0.*Q6_K`, out, reference)
	}
	_, err := run(t, "pull", "o/none", "--models-dir", folder)
	require.ErrorContains(t, err, "check the name")
	_, err = run(t, "pull", "tiny", "--models-dir", folder)
	require.ErrorContains(t, err, "owner/repo[:QUANT]")
	requireEmpty(t, folder)
}

// interrupter stands for the person who presses Ctrl-C when the first line of progress appears.
type interrupter struct{ stop context.CancelFunc }

// Write implements io.Writer.
func (i interrupter) Write(p []byte) (int, error) {
	i.stop()
	return len(p), nil
}

func TestPullThatIsStoppedGoesOn(t *testing.T) {
	s := hubOf(t, "Q4_0")
	s.Stall = true
	s.CutAfter.Store(800_000)
	folder := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	root := newRoot()
	root.SetArgs([]string{"pull", hubtest.Repo, "--models-dir", folder})
	root.SetErr(interrupter{stop})
	require.ErrorContains(t, root.ExecuteContext(ctx), "the same command goes on from here")
	part, err := os.Stat(filepath.Join(folder, "tiny-Q4_0.gguf.part"))
	require.NoError(t, err)
	require.Positive(t, part.Size())

	s.CutAfter.Store(0)
	_, err = run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.Ranges.Load(), "only the rest was asked for")
	requireFile(t, s.Files["sub/tiny-Q4_0.gguf"], folder, "tiny-Q4_0.gguf")
	out, err := run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.NoError(t, err)
	assert.EqualValues(t, 2, s.Answers.Load(), "a whole file is not fetched again")
	assert.Contains(t, out, "tiny-Q4_0.gguf")
}

func TestPullKeepsNothingThatIsNotTheModel(t *testing.T) {
	s := hubOf(t, "Q4_0")
	s.Wrong = true
	folder := t.TempDir()
	_, err := run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.ErrorContains(t, err, "SHA-256")
	requireEmpty(t, folder)

	s.Wrong = false
	s.Files["sub/tiny-Q4_0.gguf"] = []byte("<html>")
	_, err = run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.ErrorContains(t, err, "is no usable model")
}

func TestPullSendsTheTokenToTheHubAlone(t *testing.T) {
	s := hubOf(t, "Q4_0")
	s.Token = "secret"
	folder := t.TempDir()
	_, err := run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.ErrorContains(t, err, "set HF_TOKEN")
	t.Setenv("HF_TOKEN", "wrong")
	_, err = run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.ErrorContains(t, err, "another HF_TOKEN")
	t.Setenv("HF_TOKEN", "secret")
	_, err = run(t, "pull", hubtest.Repo, "--models-dir", folder)
	require.NoError(t, err)
	_, err = run(t, "pull", s.FileURL("sub/tiny-Q4_0.gguf"), "--models-dir", t.TempDir())
	require.NoError(t, err, "a plain URL")
	assert.False(t, s.Leaked.Load())
}

func TestPullTakesTheEndpointOfTheFlagOverThatOfTheEnvironment(t *testing.T) {
	hubOf(t, "Q4_0")
	other := hubtest.New(t, map[string][]byte{"other-Q4_0.gguf": gguftest.Model("Other", "", 10)})
	folder := t.TempDir()
	_, err := run(t, "pull", hubtest.Repo, "--models-dir", folder, "--endpoint", other.URL+"/")
	require.NoError(t, err)
	requireFile(t, other.Files["other-Q4_0.gguf"], folder, "other-Q4_0.gguf")
}
