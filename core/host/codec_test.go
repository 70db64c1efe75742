package host

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	codecfake "github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// codecSpec builds and lists the fake codec.
func codecSpec(t *testing.T, c codecfake.Config) Spec {
	t.Helper()
	path := filepath.Join(t.TempDir(), binaryName(base.KindCodec, "fake"))
	out, err := exec.Command("go", "build", "-o", path, "../plugin/codec/fake/kakeya-codec-fake").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return Spec{Kind: base.KindCodec, Name: "fake", Path: path, Env: map[string]string{codecfake.EnvConfig: string(text)}}
}

// TestCodec binds a codec as the router does, kills it in the middle of a call and binds the next.
// The fixture checks that no process and no socket is left.
func TestCodec(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{
		fakeSpec(t, fake.Config{}), // of the same name and another kind
		codecSpec(t, codecfake.Config{Hang: "deaf", After: 2}),
	}})
	_, err := f.Plugin(t.Context(), base.KindCodec, "other")
	require.ErrorIs(t, err, ErrUnknown)

	shape := codectest.BenchmarkShape
	for range 2 {
		i, err := f.Plugin(t.Context(), base.KindCodec, "fake")
		require.NoError(t, err)
		f.pids[i.PID] = true
		require.Nil(t, i.Backend)
		require.Equal(t, base.KindCodec, i.Info.Kind)

		ticket, err := i.Codec.OpenLink(t.Context())
		require.NoError(t, err)
		l, err := codec.Dial(t.Context(), ticket, link.Options{})
		require.NoError(t, err)
		s, err := l.Open(t.Context(), shape, nil)
		require.NoError(t, err)
		page := codectest.Page(shape, 1, 1)
		frame, err := s.Encode(t.Context(), nil, page...)
		require.NoError(t, err)
		require.NoError(t, s.Decode(t.Context(), frame, page...))

		failed := make(chan error)
		go func() { failed <- s.RoundTrip(t.Context(), page...) }()
		i.process.kill()
		require.ErrorIs(t, <-failed, base.ErrPluginGone)
		<-l.Gone()
		<-i.Gone()
		require.NoError(t, l.Close())
	}
	i, err := f.Plugin(t.Context(), base.KindBackend, "fake")
	require.NoError(t, err)
	f.pids[i.PID] = true
	require.Nil(t, i.Codec)
}
