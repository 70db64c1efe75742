package codec

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

var small = contract.Shape{Layers: 2, KVHeads: 2, HeadDim: 64, Type: contract.F32}

func open(t testing.TB, shape contract.Shape, params contract.Params) contract.Stream {
	t.Helper()
	s, err := New(lattice.E8, "1.0.0").Open(t.Context(), shape, params)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestParamsAsResolved(t *testing.T) {
	for _, c := range []struct {
		params contract.Params
		want   contract.Params
		format string
	}{
		{nil, contract.Params{"variant": "e8", "q": "38", "coding": "pages", "scaling": "box"}, "e8codec/2 e8 q38 box"},
		{contract.Params{"compat": ""}, contract.Params{"variant": "e8", "q": "38", "coding": "pages", "scaling": "box"}, "e8codec/2 e8 q38 box"},
		{
			contract.Params{"variant": "d4", "q": "1", "coding": "fixed"},
			contract.Params{"variant": "d4", "q": "1", "coding": "fixed", "scaling": "box"}, "e8codec/2 d4 q1 box",
		},
		{
			contract.Params{"q": "255", "scaling": "head"},
			contract.Params{"variant": "e8", "q": "255", "coding": "pages", "scaling": "head"}, "e8codec/2 e8 q255 head",
		},
		{
			contract.Params{"compat": "reference"},
			contract.Params{"variant": "e8", "q": "38", "coding": "pages", "scaling": "box", "compat": "reference"},
			"e8codec/2 e8 q38 box reference",
		},
	} {
		d := open(t, small, c.params).Describe()
		if !maps.Equal(d.Params, c.want) || d.Format != c.format {
			t.Errorf("%v: got %v, %q, want %v, %q", c.params, d.Params, d.Format, c.want, c.format)
		}
	}
	s, err := New(lattice.D4, "1.0.0").Open(t.Context(), small, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Describe().Params["variant"]; got != "d4" {
		t.Errorf("the codec d4 has the variant %s by default", got)
	}
}

func TestParamsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		params contract.Params
		key    string
	}{
		{contract.Params{"variant": "e7"}, "variant"},
		{contract.Params{"variant": ""}, "variant"},
		{contract.Params{"q": "0"}, "q"},
		{contract.Params{"q": "256"}, "q"},
		{contract.Params{"q": "-1"}, "q"},
		{contract.Params{"q": "3.5"}, "q"},
		{contract.Params{"q": ""}, "q"},
		{contract.Params{"coding": "zip"}, "coding"},
		{contract.Params{"scaling": "wide"}, "scaling"},
		{contract.Params{"coding": "fixed", "scaling": "head"}, "scaling"},
		{contract.Params{"compat": "reference", "scaling": "vector"}, "scaling"},
		{contract.Params{"compat": "yes"}, "compat"},
		{contract.Params{"boundary": "2"}, "boundary"},
		{contract.Params{"Q": "38"}, "Q"},
	} {
		_, err := New(lattice.E8, "1.0.0").Open(t.Context(), small, c.params)
		if !errors.Is(err, base.ErrInvalid) || !strings.HasPrefix(err.Error(), c.key+": ") {
			t.Errorf("%v: got %v, want an ErrInvalid of %s", c.params, err, c.key)
		}
	}
}

func TestDimensionsThatAreUnsupported(t *testing.T) {
	for _, c := range []struct {
		dim    int
		compat string
	}{{1, ""}, {31, ""}, {513, ""}, {contract.MaxHeadDim, ""}, {96, "reference"}} {
		shape := small
		shape.HeadDim = c.dim
		_, err := New(lattice.E8, "1.0.0").Open(t.Context(), shape, contract.Params{"compat": c.compat})
		if !errors.Is(err, base.ErrUnsupported) || !strings.Contains(err.Error(), "head_dim") {
			t.Errorf("head_dim %d, compat %q: %v", c.dim, c.compat, err)
		}
	}
}
