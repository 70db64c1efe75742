package codec

import (
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
		"default":     nil,
		"e8-fixed":    {"coding": "fixed"},
		"e8-vector":   {"q": "10", "scaling": "vector"},
		"e8-head":     {"q": "4", "scaling": "head"},
		"d4":          {"variant": "d4", "q": "152"},
		"d4-fixed":    {"variant": "d4", "q": "10", "coding": "fixed"},
		"largest-q":   {"q": "255"},
		"dimensions":  {"q": "38"},
		"one-process": {"q": "10"},
	} {
		t.Run(name, func(t *testing.T) {
			env := &codectest.Env{Codec: conn, Params: params, HeadDims: []int{64}}
			switch name {
			case "dimensions":
				env.HeadDims = []int{96, 32, 33, 80, 128, 256, 512}
			case "one-process":
				env.Codec = New(lattice.E8, "1.0.0")
			}
			codectest.Run(t, env)
		})
	}
}

func TestConformanceOfLink(t *testing.T) {
	linked, err := codectest.Link(t.Context(), New(lattice.D4, "1.0.0"), nil, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { linked.Close() })
	codectest.Run(t, &codectest.Env{Codec: linked, HeadDims: []int{64}})
}

// TestConformanceOfReference leaves out the norms that the reference cannot keep.
func TestConformanceOfReference(t *testing.T) {
	for _, coding := range []string{"fixed", "pages"} {
		env := &codectest.Env{
			Codec:    New(lattice.E8, "1.0.0"),
			Params:   contract.Params{"compat": "reference", "coding": coding},
			HeadDims: []int{64, 128},
		}
		for _, check := range codectest.Checks() {
			if check.Name == "vectors/extremes" {
				continue
			}
			t.Run(coding+"/"+check.Name, func(t *testing.T) {
				if err := check.Run(t.Context(), env); err != nil {
					t.Errorf("%s\n%v", check.Doc, err)
				}
			})
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	codectest.Benchmark(b, &codectest.Env{Codec: New(lattice.E8, "1.0.0")})
}
