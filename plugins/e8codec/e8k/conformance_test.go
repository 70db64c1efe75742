package e8k_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fitted gives every stream a calibration of its shape.
type fitted struct {
	contract.Codec
	t testing.TB
}

func (f fitted) Open(ctx context.Context, shape contract.Shape, params contract.Params) (contract.Stream, error) {
	if shape.Validate() != nil || shape.TokenElements()%8 != 0 || shape.TokenElements() > 512 {
		return f.Codec.Open(ctx, shape, params)
	}
	with := contract.Params{"calibration": write(f.t, shape.Layers, shape.KVHeads, shape.HeadDim, 5), "q": "15"}
	maps.Copy(with, params)
	return f.Codec.Open(ctx, shape, with)
}

// write keeps a calibration, always the same for a shape.
func write(t testing.TB, layers, heads, dim, classes int) string {
	t.Helper()
	file, err := calibratedtest.Some(uint64(heads), layers, heads, dim, 2, classes).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "some.e8k")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConformance(t *testing.T) {
	conn, err := codectest.Connect(fitted{e8k.New("1.0.0"), t}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for name, params := range map[string]contract.Params{"page": nil, "random": {"form": "random", "q": "34"}} {
		t.Run(name, func(t *testing.T) {
			codectest.Run(t, &codectest.Env{Codec: conn, Params: params, HeadDims: []int{16}, Absolute: true})
		})
	}
}

func TestConformanceOfLink(t *testing.T) {
	linked, err := codectest.Link(t.Context(), fitted{e8k.New("1.0.0"), t}, nil, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { linked.Close() })
	codectest.Run(t, &codectest.Env{Codec: linked, HeadDims: []int{16}, Absolute: true})
}

func TestOpenRefuses(t *testing.T) {
	path := write(t, 4, 2, 16, 1)
	damaged := filepath.Join(t.TempDir(), "damaged.e8k")
	if err := os.WriteFile(damaged, []byte("KVC8 it is not"), 0o600); err != nil {
		t.Fatal(err)
	}
	shape := contract.Shape{Layers: 4, KVHeads: 2, HeadDim: 16, Type: contract.F16}
	for name, c := range map[string]struct {
		params contract.Params
		want   error
		says   string
	}{
		"no calibration":       {contract.Params{"q": "15"}, base.ErrInvalid, "codec.params.calibration"},
		"a relative path":      {contract.Params{"q": "15", "calibration": "some.e8k"}, base.ErrInvalid, "absolute"},
		"a file that is gone":  {contract.Params{"q": "15", "calibration": path + ".not"}, base.ErrInvalid, "some.e8k.not"},
		"a file that is none":  {contract.Params{"q": "15", "calibration": damaged}, base.ErrCorrupt, "damaged.e8k"},
		"a rate that is none":  {contract.Params{"q": "35", "calibration": path}, base.ErrInvalid, "between 15 and 34"},
		"a range that is none": {contract.Params{"q": "much", "calibration": path}, base.ErrInvalid, "much"},
		"a form that is none":  {contract.Params{"q": "15", "calibration": path, "form": "round"}, base.ErrInvalid, "round"},
		"a guard that is none": {contract.Params{"q": "15", "calibration": path, "guard": "maybe"}, base.ErrInvalid, "maybe"},
		"an unknown parameter": {contract.Params{"q": "15", "calibration": path, "boundary": "2"}, base.ErrInvalid, "boundary"},
	} {
		if _, err := e8k.New("1.0.0").Open(t.Context(), shape, c.params); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	shape.KVHeads = 3
	if _, err := e8k.New("1.0.0").Open(t.Context(), shape, contract.Params{"q": "15", "calibration": path}); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("the shape of another model: %v", err)
	}
}
