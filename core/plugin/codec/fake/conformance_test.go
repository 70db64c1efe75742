package fake_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func TestMain(m *testing.M) {
	var err error
	if build.dir, err = os.MkdirTemp("", "fake"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(build.dir)
		os.Exit(code)
	}))
}

// placements are where a codec can run.
var placements = map[string]func(t testing.TB, impl codec.Codec) codec.Codec{
	"direct": func(_ testing.TB, impl codec.Codec) codec.Codec { return impl },
	"grpc": func(t testing.TB, impl codec.Codec) codec.Codec {
		c, err := codectest.Connect(impl, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closing(t, c.Close) })
		return c
	},
	"link": func(t testing.TB, impl codec.Codec) codec.Codec { return linked(t, impl, link.Options{}) },
	"link-socket": func(t testing.TB, impl codec.Codec) codec.Codec {
		return linked(t, impl, link.Options{Bell: link.BellSocket, Lanes: 2})
	},
}

func linked(t testing.TB, impl codec.Codec, o link.Options) *codectest.Linked {
	t.Helper()
	l, err := codectest.Link(t.Context(), impl, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, l.Close) })
	return l
}

func closing(t testing.TB, c func() error) {
	if err := c(); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) {
	for where, place := range placements {
		for _, mode := range []string{fake.ModeNone, fake.ModeInt8} {
			t.Run(where+"/"+mode, func(t *testing.T) {
				env := &codectest.Env{Codec: place(t, fake.New(fake.Config{})), Params: codec.Params{"mode": mode}}
				if where != "direct" { // what a codec knows is seen there
					env.HeadDims = []int{33}
				}
				codectest.Run(t, env)
			})
		}
	}
}

// TestLies shows that every check fails where its promise is broken.
func TestLies(t *testing.T) {
	for lie, check := range map[fake.Lie]string{
		fake.LieBytes:     "frames/round-trip",
		fake.LieBound:     "frames/round-trip",
		fake.LieDamage:    "frames/damage",
		fake.LieHeaders:   "frames/headers",
		fake.LieShape:     "frames/foreign",
		fake.LieMemory:    "frames/determinism",
		fake.LieRoundTrip: "vectors/round-trip",
		fake.LieWrite:     "frames/append",
		fake.LieDst:       "frames/append",
		fake.LieFinite:    "vectors/non-finite",
		fake.LieSizes:     "vectors/sizes",
		fake.LieParams:    "open/unknown-param",
		fake.LieAffine:    "affine/decode",
		fake.LieClosed:    "streams/closed",
		fake.LieCancel:    "streams/cancelled",
		fake.LieDescribe:  "open/params",
	} {
		t.Run(string(lie), func(t *testing.T) {
			env := &codectest.Env{
				Codec: fake.New(fake.Config{Lie: lie}), Params: codec.Params{"mode": fake.ModeInt8},
				HeadDims: []int{64}, Types: []codec.DType{codec.F32},
			}
			codectest.RunAll(t.Context(), env, only(t, check), func(r codectest.Result) {
				if _, skipped := r.Skipped(); r.Err == nil || skipped {
					t.Errorf("%s: %v", check, r.Err)
				}
			})
		})
	}
}

func only(t *testing.T, name string) []codectest.Check {
	for _, c := range codectest.Checks() {
		if c.Name == name {
			return []codectest.Check{c}
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
