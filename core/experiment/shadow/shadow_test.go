package shadow_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/experiment/shadow"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a router with the channels one and two, and x made of them.
type fixture struct {
	*shadow.Runner
	t       *testing.T
	router  *router.Router
	results *experiment.Registry
	x       *channel.Channel
}

func newFixture(t *testing.T, budget int64, one, two fake.ModelConfig) *fixture {
	set := routertest.Set(t,
		map[string]channel.Model{"one": routertest.Model(t, one), "two": routertest.Model(t, two)},
		map[string]channel.Spec{"one": {}, "two": {}, "x": {AB: &channel.ABSpec{A: "one", B: "two", Shadow: true}}})
	quiet := slog.New(slog.DiscardHandler)
	r, err := router.New(router.Options{Plugins: routertest.NewBackends(t), Set: set, Logger: quiet, Pool: pool.Options{Budget: budget, Logger: quiet}})
	require.NoError(t, err)
	results, err := experiment.Open(experiment.Options{Logger: quiet})
	require.NoError(t, err)
	results.Swap(experiment.Definitions(set))
	x, err := set.Resolve("x")
	require.NoError(t, err)
	f := &fixture{Runner: shadow.New(r, results, quiet), t: t, router: r, results: results, x: x}
	t.Cleanup(func() {
		f.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, r.Close(ctx))
		require.NoError(t, results.Close())
	})
	return f
}

const plenty = 1 << 40

// job is one that run runs; nil: a chat.
func (f *fixture) job(run func(ctx context.Context) error) shadow.Job {
	d, ok := experiment.Of(f.x)
	require.True(f.t, ok)
	return shadow.Job{Definition: d, Channel: f.x.AB.B, Greedy: true, Run: func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error {
		if run != nil {
			return run(ctx)
		}
		return call.Chat(ctx, hello, emit)
	}}
}

var hello = router.ChatRequest{Messages: []chat.Message{{Role: "user", Content: "hello"}}}

func (f *fixture) report() *experiment.Report {
	r, ok := f.results.Report("x")
	require.True(f.t, ok)
	return &r
}

// until waits until the report is so.
func (f *fixture) until(so func(*experiment.Report) bool) *experiment.Report {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return so(f.report()) }, time.Minute, time.Millisecond)
	return f.report()
}

// answerOf has a channel answer as somebody waits.
func (f *fixture) answerOf(c *channel.Channel) shadow.Answer {
	call, err := f.router.OpenChannel(f.t.Context(), c)
	require.NoError(f.t, err)
	defer call.Close()
	var a shadow.Answer
	require.NoError(f.t, call.Chat(f.t.Context(), hello, func(p router.Piece) error { a.Add(p); return nil }))
	return a
}

func TestAnswersAreCompared(t *testing.T) {
	f := newFixture(t, plenty,
		fake.ModelConfig{Answer: "one two three four five six seven eight nine"},
		fake.ModelConfig{Answer: "one two three fun five six seven eight nine"})
	j := f.job(nil)
	j.A = f.answerOf(f.x.AB.A)
	f.Submit(j)
	j.A = f.answerOf(f.x.AB.B) // as if A had said the same
	f.Submit(j)
	r := f.until(func(r *experiment.Report) bool { return r.Shadow.Compared == 2 })
	require.Equal(t, "character", r.Shadow.Unit)
	require.Equal(t, []experiment.Parting{{From: 8, Below: 16, Answers: 1}}, r.Shadow.Parted) // "one two three f"
	for _, m := range r.Metrics {
		switch m.Name {
		case "same":
			require.InDelta(t, 0.5, *m.Value, 0)
		case "generation", "failures":
			require.EqualValues(t, 2, m.N, m.Name)
		}
	}
	for _, c := range f.router.Stats(t.Context()).Channels {
		require.False(t, c.Name == "two" && c.Requests != 1, "what nobody asked is not among the channel's requests")
	}
}

// B waits until nobody else does anything, is given up as soon as somebody does, and goes on with the next.
func TestSomebodyWhoWaitsGoesFirst(t *testing.T) {
	f := newFixture(t, plenty, fake.ModelConfig{Answer: "a"}, fake.ModelConfig{Answer: "a"})
	call, err := f.router.Open(t.Context(), "one")
	require.NoError(t, err)
	var closed atomic.Bool
	started := make(chan bool, 1)
	ended := make(chan error, 1)
	f.Submit(f.job(func(ctx context.Context) error {
		started <- closed.Load()
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}))
	f.Submit(f.job(nil))
	second, err := f.router.Open(t.Context(), "x")
	require.NoError(t, err)
	second.Close()
	closed.Store(true)
	call.Close()
	require.True(t, <-started, "it ran as a call was open")

	call, err = f.router.Open(t.Context(), "one")
	require.NoError(t, err)
	require.ErrorIs(t, <-ended, router.ErrPreempted)
	r := f.until(func(r *experiment.Report) bool { return r.Shadow.Censored == 1 })
	require.Zero(t, r.Shadow.Compared)
	call.Close()
	r = f.until(func(r *experiment.Report) bool { return r.Shadow.Compared == 1 })
	require.EqualValues(t, 1, r.Shadow.Censored)
}

// An answer that somebody's request cuts short is no datum, though the call ended without an error.
func TestPreemptedAtTheVeryEnd(t *testing.T) {
	f := newFixture(t, plenty, fake.ModelConfig{}, fake.ModelConfig{})
	started := make(chan struct{})
	f.Submit(f.job(func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		return nil
	}))
	<-started
	call, err := f.router.Open(t.Context(), "one")
	require.NoError(t, err)
	call.Close()
	f.until(func(r *experiment.Report) bool { return r.Shadow.Censored == 1 })
}

func TestQueueIsBounded(t *testing.T) {
	f := newFixture(t, plenty, fake.ModelConfig{Answer: "a"}, fake.ModelConfig{Answer: "a"})
	call, err := f.router.Open(t.Context(), "one")
	require.NoError(t, err)
	large := f.job(nil)
	large.Bytes = 10 << 20
	f.Submit(large)
	f.until(func(r *experiment.Report) bool { return r.Shadow.Dropped == 0 })
	for range 40 {
		f.Submit(f.job(nil))
	}
	r := f.report()
	require.GreaterOrEqual(t, r.Shadow.Dropped, int64(40-16))
	call.Close()
	r = f.until(func(r *experiment.Report) bool { return r.Shadow.Compared+r.Shadow.Dropped == 41 })

	call, err = f.router.Open(t.Context(), "one")
	require.NoError(t, err)
	before := r.Shadow.Dropped
	for range 4 { // one may be waiting for its turn, off the queue
		f.Submit(large)
	}
	require.GreaterOrEqual(t, f.report().Shadow.Dropped, before+2)
	call.Close()
	f.until(func(r *experiment.Report) bool { return r.Shadow.Compared+r.Shadow.Dropped == 45 })
}

// No model goes for B's, and B's goes for others.
func TestMemoryIsNotTakenFromOthers(t *testing.T) {
	model := fake.ModelConfig{Answer: "a", Bytes: 100 << 20}
	f := newFixture(t, 180<<20, model, model)
	f.answerOf(f.x.AB.A)
	f.Submit(f.job(nil))
	f.until(func(r *experiment.Report) bool { return r.Shadow.Dropped == 1 })
	_, loaded := f.router.Loaded(f.x.AB.A.LoadKey())
	require.True(t, loaded)

	require.NoError(t, f.router.Unload(t.Context(), f.x.AB.A))
	f.Submit(f.job(nil))
	f.until(func(r *experiment.Report) bool { return r.Shadow.Compared == 1 })
	f.answerOf(f.x.AB.A)
	_, loaded = f.router.Loaded(f.x.AB.B.LoadKey())
	require.False(t, loaded)
}

func TestFailuresOfB(t *testing.T) {
	f := newFixture(t, plenty, fake.ModelConfig{Answer: "a"}, fake.ModelConfig{Fail: "no"})
	f.Submit(f.job(nil))
	r := f.until(func(r *experiment.Report) bool { return r.Shadow.Compared == 1 })
	require.InDelta(t, 1, *r.Metrics[len(r.Metrics)-1].Value, 0)
}

// Close gives up what runs.
func TestClose(t *testing.T) {
	f := newFixture(t, plenty, fake.ModelConfig{}, fake.ModelConfig{})
	started := make(chan struct{})
	f.Submit(f.job(func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		return ctx.Err()
	}))
	f.Submit(f.job(nil))
	<-started
	f.Close()
	require.Equal(t, experiment.Shadow{Unit: "character", Parted: []experiment.Parting{}}, *f.report().Shadow)
}

func TestRate(t *testing.T) {
	f := backend.Final{OutputTokens: 11, Timings: backend.Timings{Generate: 2 * time.Second}}
	require.InDelta(t, 5, shadow.Rate(&f), 1e-12)
	f.OutputTokens = 7
	require.Zero(t, shadow.Rate(&f))
	require.Zero(t, shadow.Rate(&backend.Final{OutputTokens: 20}))
}
