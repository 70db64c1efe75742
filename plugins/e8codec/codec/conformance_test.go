package codec

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	conn, err := codectest.Connect(New(lattice.E8, "1.0.0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for name, params := range map[string]contract.Params{
		"default": nil,
		"head":    {"q": "4", "scaling": "head"},
		"fixed":   {"variant": "d4", "q": "10", "coding": "fixed"},
	} {
		t.Run(name, func(t *testing.T) {
			codectest.Run(t, &codectest.Env{Codec: conn, Params: params, HeadDims: []int{64}})
		})
	}
}

func TestConformanceOfLink(t *testing.T) {
	linked, err := codectest.Link(t.Context(), New(lattice.D4, "1.0.0"), nil, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { linked.Close() })
	codectest.Run(t, &codectest.Env{Codec: linked, Params: contract.Params{"coding": "fixed"}, HeadDims: []int{96}})
}

// runSome runs the checks that are wanted.
func runSome(t *testing.T, env *codectest.Env, wanted func(name string) bool) {
	t.Helper()
	for _, check := range codectest.Checks() {
		if wanted(check.Name) {
			t.Run(check.Name, func(t *testing.T) {
				if err := check.Run(t.Context(), env); err != nil {
					t.Errorf("%s\n%v", check.Doc, err)
				}
			})
		}
	}
}

// TestConformanceOfDimensions goes over the head_dim of every kind, and over the ends of q.
func TestConformanceOfDimensions(t *testing.T) {
	for _, params := range []contract.Params{
		{"q": "1"}, {"q": "255", "scaling": "vector"}, {"q": "255", "coding": "fixed"}, {"variant": "d4", "q": "255", "coding": "fixed"},
	} {
		env := &codectest.Env{Codec: New(lattice.E8, "1.0.0"), Params: params, HeadDims: []int{32, 33, 80, 96, 256, 512}}
		t.Run(fmt.Sprint(params), func(t *testing.T) {
			runSome(t, env, func(name string) bool {
				return name == "frames/round-trip" || name == "vectors/extremes" || name == "affine/decode"
			})
		})
	}
}

// TestConformanceOfReference leaves out the norms that the reference cannot keep.
func TestConformanceOfReference(t *testing.T) {
	env := &codectest.Env{
		Codec:    New(lattice.E8, "1.0.0"),
		Params:   contract.Params{"compat": "reference", "coding": "fixed"},
		HeadDims: []int{64, 128},
	}
	runSome(t, env, func(name string) bool { return name != "vectors/extremes" })
}

func BenchmarkCodec(b *testing.B) {
	codectest.Benchmark(b, &codectest.Env{Codec: New(lattice.E8, "1.0.0")})
}
