package router_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	codecfake "github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/core/session"
)

// liars are plugins in processes of their own, of which the backend other and what is not told
// otherwise are honest.
type liars struct {
	processes
	*router.Router
	t *testing.T
}

// hangTime is the patience of tests in which something hangs: an honest call has to end within it.
const hangTime = 3 * time.Second

// newLiars serves m by a backend and, if it is given, a codec that lie, and other by an honest backend.
func newLiars(t *testing.T, patience time.Duration, m fake.ModelConfig, codec *codecfake.Config) *liars {
	t.Helper()
	env, err := json.Marshal(codec)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "kky") // a test's own has its name in the path, which is too long for sockets
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	h := host.New(host.Options{
		TempDir: dir, Logger: slog.New(slog.DiscardHandler), RestartMin: time.Millisecond, HealthTimeout: time.Minute,
		Plugins: []host.Spec{
			{Kind: base.KindBackend, Name: "fake", Path: binary(t, base.KindBackend)},
			{Kind: base.KindBackend, Name: "other", Path: binary(t, base.KindBackend)},
			{Kind: base.KindCodec, Name: "fake", Path: binary(t, base.KindCodec), Env: map[string]string{codecfake.EnvConfig: string(env)}},
		},
	})
	require.NoError(t, h.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, h.Stop(ctx))
	})
	store, err := session.Open(session.Options{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	spec := channel.Spec{Load: backend.LoadOptions{Parallel: 2}}
	if codec != nil {
		spec.Codec = &channel.CodecSpec{Name: "fake", Boundary: channel.Unset}
		spec.Cache = channel.CacheSpec{ParkAfter: time.Millisecond}
	}
	set := routertest.Set(t,
		models{"m": routertest.Model(t, m), "other": routertest.Model(t, fake.ModelConfig{AnswerTokens: 1 << 20, TokensPerSecond: 500})},
		channels{"m": spec, "other": {Backend: "other", Load: backend.LoadOptions{Context: 1 << 21}}})
	p := processes{h}
	return &liars{p, routertest.RouterWith(t, router.Options{Plugins: p, Set: set, CallTimeout: patience, Sessions: store}), t}
}

// beside runs f while the honest backend answers, which must neither end nor stop for it.
func (l *liars) beside(f func()) {
	l.t.Helper()
	ctx, stop := context.WithCancel(l.t.Context())
	began, after := make(chan struct{}), make(chan struct{})
	var once, twice sync.Once
	var over bool
	var mu sync.Mutex
	var other sync.WaitGroup
	other.Go(func() {
		call, err := l.Open(ctx, "other")
		if !assert.NoError(l.t, err) {
			once.Do(func() { close(began) })
			twice.Do(func() { close(after) })
			return
		}
		defer call.Close()
		err = call.Chat(ctx, user("x"), func(router.Piece) error {
			once.Do(func() { close(began) })
			mu.Lock()
			defer mu.Unlock()
			if over {
				twice.Do(func() { close(after) })
			}
			return nil
		})
		assert.ErrorIs(l.t, err, context.Canceled)
	})
	<-began
	f()
	mu.Lock()
	over = true
	mu.Unlock()
	<-after
	stop()
	other.Wait()
}

// stopped is what the host says of a plugin that was stopped, which it was or will be.
func (l *liars) stopped(kind base.Kind) (out host.Status) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		for _, s := range l.Status() {
			if s.Kind == kind && s.Name == "fake" && s.End != "" {
				out = s
				return true
			}
		}
		return false
	}, time.Minute, time.Millisecond, "it was not stopped")
	return out
}

// A backend whose answer cannot be, or does not come, is stopped with the reason, which the request gets.
// The next finds it started again; other backends notice nothing.
func TestLyingBackends(t *testing.T) {
	chat := func(c *router.Call) error {
		return c.Chat(t.Context(), user("x"), func(router.Piece) error { return nil })
	}
	embed := func(c *router.Call) error {
		_, err := c.Embed(t.Context(), []backend.Prompt{{Text: "a"}, {Text: "b"}})
		return err
	}
	score := func(c *router.Call) error {
		_, err := c.Score(t.Context(), backend.ScoreRequest{Tokens: []backend.Token{5, 6, 7}, From: 1})
		return err
	}
	tokenize := func(c *router.Call) error {
		_, err := c.Tokenize(t.Context(), "words", false, false)
		return err
	}
	for name, c := range map[string]struct {
		m    fake.ModelConfig
		do   func(*router.Call) error
		end  host.End
		says string
	}{
		"a token that is none":           {fake.ModelConfig{Lie: fake.LieToken, AfterTokens: 2}, chat, host.EndLied, "of a vocabulary of"},
		"too many tokens":                {fake.ModelConfig{Lie: fake.LieLong}, chat, host.EndLied, "were asked for"},
		"too much text":                  {fake.ModelConfig{Lie: fake.LieText}, chat, host.EndLied, "bytes of text"},
		"too large a message":            {fake.ModelConfig{Lie: fake.LieMessage}, chat, host.EndLied, "message too large"},
		"a text of tokens that are none": {fake.ModelConfig{Lie: fake.LieTokenize}, tokenize, host.EndLied, "the token -1"},
		"no vector":                      {fake.ModelConfig{Lie: fake.LieEmbed}, embed, host.EndLied, "0 vectors of 2 inputs"},
		"vectors of two lengths":         {fake.ModelConfig{Lie: fake.LieDimension}, embed, host.EndLied, "vectors of 15 and of 16"},
		"a score too few":                {fake.ModelConfig{Lie: fake.LieScore}, score, host.EndLied, "scores of 1 tokens where 2"},
		"no answer":                      {fake.ModelConfig{Hang: "tokenize"}, tokenize, host.EndHung, "tokenizing took longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if c.end == host.EndHung {
				patience = hangTime
			}
			c.m.Once = filepath.Join(t.TempDir(), "done")
			c.m.AnswerTokens = 9
			l := newLiars(t, patience, c.m, nil)
			do := func() error {
				call, err := l.Open(t.Context(), "m")
				if err != nil {
					return err
				}
				defer call.Close()
				return c.do(call)
			}
			l.beside(func() {
				err := do()
				require.ErrorIs(t, err, base.ErrPluginGone)
				require.ErrorContains(t, err, `backend "fake"`)
				require.ErrorContains(t, err, c.says)
			})
			s := l.stopped(base.KindBackend)
			assert.Equal(t, c.end, s.End)
			assert.ErrorContains(t, s.Error, c.says)
			require.NoError(t, do(), "it was started again")
		})
	}
}

// A model that cannot be is not served.
func TestBackendLiesOfItsModel(t *testing.T) {
	l := newLiars(t, time.Minute, fake.ModelConfig{Lie: fake.LieModel, Once: filepath.Join(t.TempDir(), "done")}, nil)
	_, err := l.Open(t.Context(), "m")
	require.ErrorIs(t, err, router.ErrLoad)
	require.ErrorIs(t, err, base.ErrLied)
	assert.Equal(t, host.EndLied, l.stopped(base.KindBackend).End)
	call, err := l.Open(t.Context(), "m")
	require.NoError(t, err)
	call.Close()
}

// A codec that does not answer the backend through the link is stopped, though nobody cancels anything.
func TestHangingCodecs(t *testing.T) {
	for _, how := range []string{"call", "deaf"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			l := newLiars(t, hangTime, fake.ModelConfig{AnswerTokens: 9},
				&codecfake.Config{Hang: how, After: 3, Once: filepath.Join(t.TempDir(), "done")})
			l.beside(func() {
				_, _, err := say(l.Router, "m", user("x"))
				require.ErrorIs(t, err, base.ErrPluginGone)
				require.ErrorContains(t, err, `codec "fake"`)
				require.ErrorContains(t, err, "longer than 3s")
			})
			s := l.stopped(base.KindCodec)
			assert.Equal(t, host.EndHung, s.End)
			assert.ErrorContains(t, s.Error, "longer than 3s")
			_, final, err := say(l.Router, "m", user("x"))
			require.NoError(t, err, "it was started again, and the model loaded")
			assert.Equal(t, 9, final.OutputTokens)
		})
	}
}

// A codec whose frames are too long is stopped when pages are packed, after the request.
func TestCodecWithFramesTooLong(t *testing.T) {
	l := newLiars(t, time.Minute, fake.ModelConfig{AnswerTokens: 2 * backend.PageTokens},
		&codecfake.Config{Lie: codecfake.LieHuge, Once: filepath.Join(t.TempDir(), "done")})
	l.beside(func() {
		_, _, err := say(l.Router, "m", user("x"))
		require.NoError(t, err)
		s := l.stopped(base.KindCodec)
		assert.Equal(t, host.EndLied, s.End)
		require.ErrorContains(t, s.Error, "a frame of")
	})
	_, _, err := say(l.Router, "m", user("x"))
	require.NoError(t, err)
}

// silent is a codec or drafter that does not answer for a link, and tells what it is condemned for.
type silent struct {
	router.Plugins
	reasons chan error
}

func (s silent) Linked(context.Context, base.Kind, string) (router.Linked, error) {
	return router.Linked{Linker: s, Condemn: func(reason error) { s.reasons <- reason }}, nil
}

// OpenLink implements router.Linker.
func (silent) OpenLink(ctx context.Context) (t link.Ticket, err error) {
	<-ctx.Done()
	return t, ctx.Err()
}

// A codec that does not answer the daemon is stopped too.
func TestCodecWithoutALink(t *testing.T) {
	s := silent{routertest.NewBackends(t), make(chan error, 1)}
	set := routertest.Set(t, models{"m": routertest.Model(t, fake.ModelConfig{})},
		channels{"m": {Codec: &channel.CodecSpec{Name: "fake", Boundary: channel.Unset}}})
	r := routertest.RouterWith(t, router.Options{Plugins: s, Set: set, CallTimeout: time.Millisecond})
	_, err := r.Open(t.Context(), "m")
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.ErrorContains(t, err, `codec "fake"`)
	require.ErrorIs(t, <-s.reasons, base.ErrHung)
}
