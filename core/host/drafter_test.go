package host

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/base/misfortune"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	drafterfake "github.com/kakeyad/kakeyad/core/plugin/drafter/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// drafterSpec builds and lists the fake drafter.
func drafterSpec(t *testing.T, c drafterfake.Config) Spec {
	t.Helper()
	path := filepath.Join(t.TempDir(), binaryName(base.KindDrafter, "fake"))
	out, err := exec.Command("go", "build", "-o", path, "../plugin/drafter/fake/kakeya-drafter-fake").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return Spec{Kind: base.KindDrafter, Name: "fake", Path: path, Env: map[string]string{drafterfake.EnvConfig: string(text)}}
}

// TestDrafter runs the conformance suite against a process through both wires, then kills it in the
// middle of a call.
func TestDrafter(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{drafterSpec(t, drafterfake.Config{Taps: []int{0, 3}})}})
	i, err := f.Plugin(t.Context(), base.KindDrafter, "fake")
	require.NoError(t, err)
	f.pids[i.PID] = true
	require.Equal(t, base.KindDrafter, i.Info.Kind)
	ticket, err := i.Drafter.OpenLink(t.Context())
	require.NoError(t, err)
	l, err := drafter.Dial(t.Context(), ticket, link.Options{})
	require.NoError(t, err)
	for _, d := range []drafter.Drafter{i.Drafter, l} {
		draftertest.Run(t, &draftertest.Env{Drafter: d})
	}
	require.NoError(t, l.Close())
}

func TestDrafterKilled(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{drafterSpec(t, drafterfake.Config{Plan: misfortune.Plan{Hang: "deaf", After: 1}})}})
	target := drafter.Target{Vocabulary: 10, Layers: 1, Width: 1, Context: 8, Sessions: 1}
	for range 2 {
		i, err := f.Plugin(t.Context(), base.KindDrafter, "fake")
		require.NoError(t, err)
		f.pids[i.PID] = true
		ticket, err := i.Drafter.OpenLink(t.Context())
		require.NoError(t, err)
		l, err := drafter.Dial(t.Context(), ticket, link.Options{})
		require.NoError(t, err)
		a, err := l.Attach(t.Context(), target, nil)
		require.NoError(t, err)
		s, err := a.Open(t.Context(), drafter.SessionOptions{})
		require.NoError(t, err)
		require.NoError(t, s.Settle(t.Context(), 0))
		failed := make(chan error)
		go func() { failed <- s.Committed(t.Context(), []drafter.Token{1}, drafter.Features{}) }()
		i.process.kill()
		require.ErrorIs(t, <-failed, base.ErrPluginGone)
		<-l.Gone()
		<-i.Gone()
		require.NoError(t, s.Close())
		require.NoError(t, a.Close())
		require.NoError(t, l.Close())
	}
}
