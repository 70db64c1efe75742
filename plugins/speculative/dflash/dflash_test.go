package dflash

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func path(t testing.TB, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("testdata", name))
	require.NoError(t, err)
	return p
}

// tiny is the target of the test vectors.
func tiny(t testing.TB) drafter.Target {
	return drafter.Target{
		Architecture: "llama", Path: path(t, "target.gguf"), Vocabulary: 512, Layers: 6, Width: 128, Context: 1024, Sessions: 4,
		EndTokens: []drafter.Token{2},
	}
}

func TestConformance(t *testing.T) {
	env := func(d drafter.Drafter) *draftertest.Env {
		return &draftertest.Env{Drafter: d, Target: tiny(t), Params: drafter.Params{"model": path(t, "drafter.gguf")}}
	}
	t.Run("direct", func(t *testing.T) { draftertest.Run(t, env(New("test"))) })
	t.Run("grpc", func(t *testing.T) {
		c, err := draftertest.Connect(New("test"), nil)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		draftertest.Run(t, env(c))
	})
	t.Run("link", func(t *testing.T) {
		l, err := draftertest.Link(t.Context(), New("test"), nil, link.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		draftertest.Run(t, env(l))
	})
}

func TestParams(t *testing.T) {
	for _, bad := range []drafter.Params{
		{"model": "relative.gguf"}, {"window": "15"}, {"window": "many"}, {"threshold": "1"}, {"threshold": "NaN"}, {"block": "4"},
	} {
		_, err := New("test").Attach(t.Context(), tiny(t), bad)
		require.ErrorIs(t, err, base.ErrInvalid, "%v", bad)
		require.ErrorContains(t, err, "params.")
	}
}

func TestAttachRefuses(t *testing.T) {
	model := drafter.Params{"model": path(t, "drafter.gguf")}
	for name, c := range map[string]struct {
		change func(*drafter.Target)
		params drafter.Params
		want   error
	}{
		"no file":         {func(x *drafter.Target) { x.Path = "" }, model, base.ErrUnsupported},
		"no such file":    {func(x *drafter.Target) { x.Path += "x" }, model, base.ErrUnsupported},
		"another model":   {func(x *drafter.Target) { x.Path = path(t, "drafter.gguf") }, model, base.ErrUnsupported},
		"another width":   {func(x *drafter.Target) { x.Width = 64 }, model, base.ErrUnsupported},
		"built in":        {func(*drafter.Target) {}, nil, base.ErrUnsupported},
		"no such drafter": {func(*drafter.Target) {}, drafter.Params{"model": path(t, "none.gguf")}, base.ErrInvalid},
		"not a drafter":   {func(*drafter.Target) {}, drafter.Params{"model": path(t, "target.gguf")}, base.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			target := tiny(t)
			c.change(&target)
			_, err := New("test").Attach(t.Context(), target, c.params)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestWorthwhile(t *testing.T) {
	tokens, p := []drafter.Token{1, 2, 3}, []float32{0.9, 0.5, 0.9}
	for floor, want := range map[float32]int{0: 3, 0.4: 3, 0.42: 2, 0.46: 1, 0.91: 0} {
		got, q := worthwhile(tokens, p, floor)
		require.Len(t, got, want, "floor %v", floor)
		require.Len(t, q, want)
	}
}
