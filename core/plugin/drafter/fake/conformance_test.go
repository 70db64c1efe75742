package fake_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// placements are where a drafter can run.
var placements = map[string]func(t testing.TB, impl drafter.Drafter) drafter.Drafter{
	"direct": func(_ testing.TB, impl drafter.Drafter) drafter.Drafter { return impl },
	"grpc": func(t testing.TB, impl drafter.Drafter) drafter.Drafter {
		c, err := draftertest.Connect(impl, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { closing(t, c.Close) })
		return c
	},
	"link": func(t testing.TB, impl drafter.Drafter) drafter.Drafter { return linked(t, impl, link.Options{}) },
	"link-socket": func(t testing.TB, impl drafter.Drafter) drafter.Drafter {
		return linked(t, impl, link.Options{Bell: link.BellSocket, Lanes: 2})
	},
}

func linked(t testing.TB, impl drafter.Drafter, o link.Options) *draftertest.Linked {
	t.Helper()
	l, err := draftertest.Link(t.Context(), impl, nil, o)
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
		t.Run(where, func(t *testing.T) {
			draftertest.Run(t, &draftertest.Env{Drafter: place(t, fake.New(fake.Config{}))})
		})
		t.Run(where+"/taps", func(t *testing.T) {
			draftertest.Run(t, &draftertest.Env{Drafter: place(t, fake.New(fake.Config{Taps: []int{1, 5, 11}}))})
		})
	}
}

// TestLies shows that every check fails where its promise is broken.
func TestLies(t *testing.T) {
	for lie, check := range map[fake.Lie]string{
		fake.LieLong:       "proposal/bounded",
		fake.LieVocabulary: "proposal/bounded",
		fake.LieParams:     "attach/unknown-param",
		fake.LieTarget:     "attach/target",
		fake.LieLeak:       "isolation/sessions",
		fake.LiePieces:     "text/pieces",
		fake.LieForget:     "text/forgotten",
		fake.LieSettle:     "text/accepted",
		fake.LieTokens:     "text/tokens",
		fake.LieFeatures:   "features/refused",
		fake.LieEmpty:      "proposal/empty",
		fake.LieAsk:        "proposal/ask",
		fake.LieClosed:     "end/session",
		fake.LieCancel:     "end/cancelled",
		fake.LieSum:        "proposal/drawn",
		fake.LieSeed:       "proposal/drawn",
		fake.LieDescribe:   "attach/describe",
		fake.LieRound:      "isolation/rounds",
	} {
		t.Run(string(lie), func(t *testing.T) {
			env := &draftertest.Env{Drafter: fake.New(fake.Config{Lie: lie})}
			draftertest.RunAll(t.Context(), env, only(t, check), func(r draftertest.Result) {
				if _, skipped := r.Skipped(); r.Err == nil || skipped {
					t.Errorf("%s: %v", check, r.Err)
				}
			})
		})
	}
}

func only(t *testing.T, name string) []draftertest.Check {
	for _, c := range draftertest.Checks() {
		if c.Name == name {
			return []draftertest.Check{c}
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
