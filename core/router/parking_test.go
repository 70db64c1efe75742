package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/core/session"
)

// parks is a router whose channel m parks at once, or when it is unloaded, as after says.
type parks struct {
	*router.Router
	t        *testing.T
	backends *routertest.Backends
	store    *session.Store
}

func newParks(t *testing.T, dir string, m channel.Model, after time.Duration) *parks {
	t.Helper()
	store, err := session.Open(session.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	p := &parks{t: t, backends: routertest.NewBackends(t), store: store}
	set := routertest.Set(t, models{"m": m}, channels{"m": {Cache: channel.CacheSpec{ParkAfter: after}, Load: backend.LoadOptions{Parallel: 1}}})
	p.Router = routertest.RouterWith(t, router.Options{Plugins: p.backends, Set: set, Sessions: store})
	return p
}

// ask says the greedy answer to a prompt of some pages, in a scope.
func (p *parks) ask(prompt, scope string, noCache bool) (string, *backend.Final) {
	p.t.Helper()
	call, err := p.Open(p.t.Context(), "m")
	require.NoError(p.t, err)
	defer call.Close()
	call.KeepTo(scope)
	req := user(prompt)
	greedy, limit := float32(0), 20
	req.Temperature, req.MaxTokens, req.NoCache = &greedy, &limit, noCache
	var text strings.Builder
	var final *backend.Final
	require.NoError(p.t, call.Chat(p.t.Context(), req, func(e router.Piece) error {
		text.WriteString(e.Text)
		if e.Final != nil {
			final = e.Final
		}
		return nil
	}))
	return text.String(), final
}

func (p *parks) unload() {
	p.t.Helper()
	c, err := p.Set().Resolve("m")
	require.NoError(p.t, err)
	require.NoError(p.t, p.Unload(p.t.Context(), c))
}

// awaitPages waits until so many pages are kept.
func (p *parks) awaitPages(n int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return p.store.Stats().Pages >= n }, 10*time.Second, time.Millisecond, "%d pages", n)
}

func long(n int) string { return strings.Repeat(fmt.Sprintf(" story %d", n), 60) }

func fakeModel(t *testing.T) channel.Model { return routertest.Model(t, fake.ModelConfig{}) }

// What was computed is kept when the model is unloaded, and gives the same answer when it comes back.
func TestParkedOverUnload(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Hour)
	want, first := p.ask(long(1), "", false)
	assert.Zero(t, first.RestoredTokens)
	for range 5 {
		p.unload()
		require.Positive(t, p.store.Stats().Pages)
		got, final := p.ask(long(1), "", false)
		assert.Equal(t, want, got)
		assert.GreaterOrEqual(t, final.RestoredTokens, final.PromptTokens-2*session.PageTokens)
		assert.Zero(t, final.RestoredTokens%session.PageTokens)
		assert.GreaterOrEqual(t, final.CachedTokens, final.RestoredTokens)
		assert.Positive(t, final.Timings.Restore)
	}
	s := p.Stats(t.Context())
	assert.Positive(t, s.Channels[0].Restored)
	require.Len(t, s.Sessions.Formats, 1)
	assert.Equal(t, "fake fake/1", s.Sessions.Formats[0].Format)
	assert.Equal(t, s.Sessions.Pages, s.Sessions.Formats[0].Pages)
	assert.Positive(t, s.Sessions.Nominal)
}

// An idle conversation is parked while the model stays loaded, and comes back after another took its
// slot.
func TestParkedWhenIdle(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Millisecond)
	want, first := p.ask(long(1), "", false)
	p.awaitPages(first.PromptTokens / session.PageTokens)
	_, _ = p.ask(long(2), "", false)
	got, final := p.ask(long(1), "", false)
	assert.Equal(t, want, got)
	assert.Positive(t, final.RestoredTokens)
}

// It outlives the daemon, and a change of the model's file.
func TestParkedOverARestart(t *testing.T) {
	dir, m := t.TempDir(), fakeModel(t)
	want := ""
	t.Run("before", func(t *testing.T) {
		p := newParks(t, dir, m, time.Hour)
		want, _ = p.ask(long(1), "", false)
		require.NoError(t, p.Close(t.Context()))
	})
	t.Run("after", func(t *testing.T) {
		got, final := newParks(t, dir, m, time.Hour).ask(long(1), "", false)
		assert.Equal(t, want, got)
		assert.Positive(t, final.RestoredTokens)
	})
	t.Run("another model", func(t *testing.T) {
		other := routertest.Model(t, fake.ModelConfig{Bytes: 7})
		_, final := newParks(t, dir, other, time.Hour).ask(long(1), "", false)
		assert.Zero(t, final.RestoredTokens)
	})
}

// A beginning that is shared is found by who asks another thing; scopes are kept apart, and what is
// not to be cached neither finds nor leaves anything.
func TestParkedForWhom(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Hour)
	shared := long(1)
	_, first := p.ask(shared+"one", "", false)
	p.unload()
	_, final := p.ask(shared+"two", "", false)
	assert.GreaterOrEqual(t, final.RestoredTokens, first.PromptTokens-2*session.PageTokens)

	p.unload()
	pages := p.store.Stats().Pages
	_, final = p.ask(shared, "alice", false)
	assert.Zero(t, final.RestoredTokens+final.CachedTokens)
	p.unload()
	assert.Greater(t, p.store.Stats().Pages, pages)
	_, final = p.ask(shared, "bob", false)
	assert.Zero(t, final.RestoredTokens+final.CachedTokens)
	p.unload()
	_, final = p.ask(shared, "alice", false)
	assert.Positive(t, final.RestoredTokens)

	p.unload()
	pages = p.store.Stats().Pages
	_, final = p.ask(shared, "", true)
	assert.Zero(t, final.RestoredTokens+final.CachedTokens)
	_, final = p.ask(long(9), "", true)
	assert.Zero(t, final.CachedTokens)
	p.unload()
	assert.Equal(t, pages, p.store.Stats().Pages)
}

// Several answers to one prompt, and prompts beside each other, restore it once.
func TestParkedOfSeveralAnswers(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Hour)
	_, first := p.ask(long(1), "", false)
	p.unload()
	call, err := p.Open(t.Context(), "m")
	require.NoError(t, err)
	defer call.Close()
	req := user(long(1))
	limit := 3
	req.N, req.MaxTokens = 3, &limit
	before := p.store.Stats().Counts
	require.NoError(t, call.Chat(t.Context(), req, func(router.Piece) error { return nil }))
	after := p.store.Stats().Counts
	assert.EqualValues(t, (first.PromptTokens-1)/session.PageTokens, after.PagesFromRAM+after.PagesRead-before.PagesFromRAM-before.PagesRead)

	prompts := []backend.Prompt{{Text: long(1)}, {Text: long(2)}}
	var texts [2]strings.Builder
	greedy := float32(0)
	run := func(echo bool) {
		require.NoError(t, call.Complete(t.Context(), router.CompletionRequest{
			Params: router.Params{Temperature: &greedy, MaxTokens: &limit}, Prompts: prompts, Echo: echo,
		}, func(e router.Piece) error {
			texts[e.Choice].WriteString(e.Text)
			return nil
		}))
	}
	run(true)
	assert.Contains(t, texts[0].String(), long(1), "an echo tells the prompt as it was given")
	assert.Contains(t, texts[1].String(), long(2))
}

// A page that the backend cannot read is dropped, what came before it is used, and the answer is that
// of a prompt that was computed.
func TestParkedPageThatIsDamaged(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Hour)
	want, first := p.ask(long(1), "", false)
	p.unload()
	call, err := p.Open(t.Context(), "m")
	require.NoError(t, err)
	prompt, err := call.Prompt(t.Context(), user(long(1)))
	require.NoError(t, err)
	tokens, err := call.Tokenize(t.Context(), prompt.Text, prompt.AddSpecial, prompt.ParseSpecial)
	require.NoError(t, err)
	call.Close()

	id := p.store.Stats().Groups[0].Identity
	_, err = p.store.Drop(t.Context(), func(session.Identity) bool { return true })
	require.NoError(t, err)
	var parent session.Key
	for i, k := range session.Keys(id, tokens) {
		data := []byte("no page of the fake")
		require.NoError(t, p.store.Put(t.Context(), session.Page{
			Identity: id, Parent: parent, Tokens: tokens[i*session.PageTokens : (i+1)*session.PageTokens], Data: data,
		}))
		parent = k
	}
	p.unload()
	got, final := p.ask(long(1), "", false)
	assert.Equal(t, want, got)
	assert.Zero(t, final.RestoredTokens)
	assert.Zero(t, p.store.Stats().Pages, "the first is damaged, and those after it are not found any more")
	p.unload()
	assert.GreaterOrEqual(t, p.store.Stats().Pages, first.PromptTokens/session.PageTokens, "and they are kept anew")
	got, final = p.ask(long(1), "", false)
	assert.Equal(t, want, got)
	assert.Positive(t, final.RestoredTokens)
}

// When the backend dies while pages are asked for or handed over, the call fails or is answered
// right, and the next one is.
func TestParkedAcrossDeaths(t *testing.T) {
	p := newParks(t, t.TempDir(), fakeModel(t), time.Millisecond)
	want, first := p.ask(long(1), "", false)
	p.awaitPages(first.PromptTokens / session.PageTokens)
	for range 10 {
		p.backends.Kill()
		_, _, err := say(p.Router, "m", user(long(2)))
		if err != nil {
			require.ErrorIs(t, err, base.ErrPluginGone)
		}
		got, _ := p.ask(long(1), "", false)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, 11, p.backends.Starts())
}

// Closing keeps what the models hold.
func TestParkedAtClose(t *testing.T) {
	p := newParks(t, "", fakeModel(t), time.Hour)
	_, first := p.ask(long(1), "", false)
	assert.Zero(t, p.store.Stats().Pages)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, p.Close(ctx))
	assert.GreaterOrEqual(t, p.store.Stats().Pages, first.PromptTokens/session.PageTokens)
}
