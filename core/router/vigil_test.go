package router

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// scripted is a backend whose Generate, LoadModel and Stats are the test's.
type scripted struct {
	backend.Backend
	generate func(ctx context.Context, emit func(backend.Event) error) error
	load     func(ctx context.Context, progress func(backend.LoadProgress)) error
	stats    func(ctx context.Context) (backend.Stats, error)
}

func (s *scripted) Generate(ctx context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
	return s.generate(ctx, emit)
}

func (s *scripted) LoadModel(ctx context.Context, _ backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	return backend.ModelInfo{Vocabulary: 9, Options: backend.LoadOptions{Context: 9}}, s.load(ctx, progress)
}

func (s *scripted) Stats(ctx context.Context, _ backend.ModelID) (backend.Stats, error) {
	return s.stats(ctx)
}

func vigilant(s *scripted) (m *model, condemned *error) {
	condemned = new(error)
	m = newModel(Instance{Backend: s, Condemn: func(reason error) { *condemned = reason }}, "b", "k", time.Minute)
	m.info.Vocabulary, m.info.Options.Context = 9, 9
	return m, condemned
}

func forever(ctx context.Context, _ func(backend.Event) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestVigil(t *testing.T) {
	still := func(context.Context) (backend.Stats, error) { return backend.Stats{Active: 1}, nil }
	long := func(n int, d time.Duration, each func(emit func(backend.Event) error)) func(context.Context, func(backend.Event) error) error {
		return func(ctx context.Context, emit func(backend.Event) error) error {
			for range n {
				select {
				case <-time.After(d):
				case <-ctx.Done():
					return ctx.Err()
				}
				each(emit)
			}
			return nil
		}
	}
	nothing := func(func(backend.Event) error) {}
	steps := int64(0)
	for name, c := range map[string]struct {
		generate func(context.Context, func(backend.Event) error) error
		stats    func(context.Context) (backend.Stats, error)
		read     time.Duration // what the client takes for an event
		hung     string        // "": it has not
	}{
		"nothing happens":             {forever, still, 0, "nothing has happened for 10m0s"},
		"only other requests come":    {forever, func(context.Context) (backend.Stats, error) { steps++; return backend.Stats{Waiting: int(steps)}, nil }, 0, "nothing has happened"},
		"no statistics":               {forever, func(ctx context.Context) (backend.Stats, error) { <-ctx.Done(); return backend.Stats{}, ctx.Err() }, 0, "does not answer for its statistics"},
		"statistics that fail":        {forever, func(context.Context) (backend.Stats, error) { return backend.Stats{}, errors.New("no") }, 0, "nothing has happened"},
		"quick":                       {long(3, time.Second, nothing), still, 0, ""},
		"an hour's prompt in steps":   {long(1, time.Hour, nothing), func(context.Context) (backend.Stats, error) { steps++; return backend.Stats{Steps: steps}, nil }, 0, ""},
		"a token every nine minutes":  {long(9, 9*time.Minute, func(emit func(backend.Event) error) { _ = emit(backend.Event{Text: "x"}) }), still, 0, ""},
		"a client that does not read": {long(2, time.Second, func(emit func(backend.Event) error) { _ = emit(backend.Event{Text: "x"}) }), still, time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, condemned := vigilant(&scripted{generate: c.generate, stats: c.stats})
				err := m.strict.Generate(t.Context(), backend.GenerateRequest{}, func(backend.Event) error {
					time.Sleep(c.read)
					return nil
				})
				if c.hung == "" {
					require.NoError(t, err)
					require.NoError(t, *condemned)
					require.NoError(t, m.life.Err())
					return
				}
				require.ErrorIs(t, err, base.ErrPluginGone)
				require.ErrorIs(t, err, base.ErrHung)
				require.ErrorContains(t, err, c.hung)
				require.ErrorIs(t, *condemned, base.ErrHung)
				require.Error(t, m.life.Err(), "its model is loaded anew")
			})
		})
	}
}

// A request that is cancelled says nothing of the backend.
func TestVigilOfWhatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, condemned := vigilant(&scripted{generate: forever, stats: func(ctx context.Context) (backend.Stats, error) {
			<-ctx.Done()
			return backend.Stats{}, ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second) // while Stats are asked for
		defer cancel()
		err := m.strict.Generate(ctx, backend.GenerateRequest{}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, base.ErrHung)
		require.NoError(t, *condemned)
	})
}

func TestVigilOfLoading(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration
		hung  bool
	}{"slow": {19 * time.Minute, false}, "stuck": {21 * time.Minute, true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, condemned := vigilant(&scripted{load: func(ctx context.Context, progress func(backend.LoadProgress)) error {
					for range 5 {
						select {
						case <-time.After(c.every):
						case <-ctx.Done():
							return ctx.Err()
						}
						progress(backend.LoadProgress{})
					}
					return nil
				}})
				_, err := m.strict.LoadModel(t.Context(), backend.LoadRequest{}, func(backend.LoadProgress) {})
				assert.Equal(t, c.hung, errors.Is(err, base.ErrHung), "%v", err)
				assert.Equal(t, c.hung, *condemned != nil)
			})
		})
	}
}
