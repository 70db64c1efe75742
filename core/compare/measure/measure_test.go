package measure_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/compare/measure"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/core/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newBench measures channels of the fake in so much memory: a and b, of two models, and parks, which parks.
func newBench(t *testing.T, budget int64) (*measure.Bench, *router.Router) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := session.Open(session.Options{Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	models := map[string]channel.Model{}
	for _, name := range []string{"a", "b", "parks"} {
		models[name] = routertest.Model(t, fake.ModelConfig{})
	}
	r, err := router.New(router.Options{
		Plugins: routertest.NewBackends(t), Pool: pool.Options{Budget: budget, Logger: quiet}, Logger: quiet, Sessions: store,
		Set: routertest.Set(t, models, map[string]channel.Spec{
			"a": {Limits: channel.Limits{Timeout: time.Nanosecond, Queue: 1}}, "b": {}, "parks": {Cache: channel.CacheSpec{ParkAfter: time.Hour}},
		}),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, r.Close(ctx))
	})
	b := measure.New(r, nil)
	t.Cleanup(b.Close)
	return b, r
}

// Channels that do not fit into the memory together are told of, rather than waited for.
func TestWhatDoesNotFit(t *testing.T) {
	b, _ := newBench(t, 145<<20) // what is not loaded yet is taken for 144 MiB
	a, err := b.Open(t.Context(), "a")
	require.NoError(t, err, "its limits of time and of requests are not for comparisons")
	again, err := b.Open(t.Context(), "a")
	require.NoError(t, err, "it is loaded once")
	_, err = b.Open(t.Context(), "b")
	require.ErrorIs(t, err, base.ErrOutOfMemory)
	require.ErrorContains(t, err, "b does not fit beside the 2 models")
	a.Close()
	again.Close()
	other, err := b.Open(t.Context(), "b")
	require.NoError(t, err)
	other.Close()
}

func TestPark(t *testing.T) {
	b, r := newBench(t, 1<<40)
	c, err := b.Open(t.Context(), "parks")
	require.NoError(t, err)
	tokens, err := c.Prompt(t.Context(), compare.TextPrompt("long", strings.Repeat("the cat sat in the house ", 60)))
	require.NoError(t, err)
	c.Close()
	p, err := b.Park(t.Context(), "parks", tokens, 20)
	require.NoError(t, err)
	require.NotNil(t, p)
	assert.Greater(t, p.Tokens, len(tokens))
	assert.GreaterOrEqual(t, p.ParkedTokens, 2*backend.PageTokens)
	assert.Equal(t, p.ParkedTokens, p.RestoredTokens)
	assert.Positive(t, p.ParkedBytes)
	assert.Equal(t, p.ParkedBytes, p.RestoredBytes)
	assert.EqualValues(t, 1024*p.ParkedTokens, p.NominalBytes, "the fake's keys and values")
	assert.Nil(t, p.PartsAt)
	assert.Zero(t, r.Stats(t.Context()).Sessions.Pages, "nothing of it stays")

	again, err := b.Park(t.Context(), "parks", tokens, 20)
	require.NoError(t, err)
	assert.Equal(t, p.ParkedBytes, again.ParkedBytes, "a channel may be named twice")
	p, err = b.Park(t.Context(), "a", tokens, 20)
	require.NoError(t, err)
	assert.Nil(t, p, "it parks nothing")
}
