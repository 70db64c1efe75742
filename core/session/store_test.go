package session

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const small = 3000 // about the bytes of a page in most tests

// both runs a test with a store in memory and one on disk.
func both(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("memory", func(t *testing.T) { f(t, Options{}) })
	t.Run("disk", func(t *testing.T) { f(t, Options{Dir: t.TempDir()}) })
	t.Run("disk alone", func(t *testing.T) { f(t, Options{Dir: t.TempDir(), RAMBytes: -1}) })
}

func TestLongestPrefix(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := openStore(t, o)
		park(t, s, all, prompt(5, 1, 2, 3), small)
		for range 2 { // queued or written, it is the same
			require.Equal(t, 5, restored(t, s, all, prompt(5, 1, 2, 3), small))
			require.Equal(t, 5, restored(t, s, all, append(prompt(5, 1, 2, 3), prompt(2, 9)...), small))
			require.Equal(t, 4, restored(t, s, all, prompt(5, 1, 2, 3)[:5*PageTokens-1], small))
			require.Equal(t, 2, restored(t, s, all, prompt(5, 1, 2, 4), small))
			require.Equal(t, 1, restored(t, s, all, prompt(5, 1, 9), small))
			require.Zero(t, restored(t, s, all, prompt(5, 9), small))
			require.Zero(t, restored(t, s, all, nil, small))
			require.NoError(t, s.Flush(ctx))
		}
		require.Equal(t, 5, s.Has(all, prompt(6, 1, 2, 3)))
	})
}

func TestIdentitiesAreApart(t *testing.T) {
	s := openStore(t, Options{})
	park(t, s, alice, prompt(2, 1), small)
	for _, id := range []Identity{
		all,
		{Model: "smol", Codec: "e8-q38", Scope: "alicf"},
		{Model: "smol", Codec: "e8-q10", Scope: "alice"},
		{Model: "smole", Codec: "8-q38", Scope: "alice"},
		{Model: "smol", Codec: "e8-q38alice"},
	} {
		require.Zero(t, restored(t, s, id, prompt(2, 1), small), "%+v", id)
	}
	require.Equal(t, 2, restored(t, s, alice, prompt(2, 1), small))
}

func TestSharedPagesAreStoredOnce(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := openStore(t, o)
		park(t, s, all, prompt(4, 1, 1, 2), small)
		park(t, s, all, prompt(4, 1, 1, 3), small)
		park(t, s, all, prompt(4, 1, 1, 3), small)
		require.NoError(t, s.Flush(ctx))
		st := s.Stats()
		require.Equal(t, 6, st.Pages)
		require.EqualValues(t, 6, st.Counts.Puts)
		require.EqualValues(t, 6, st.Counts.Duplicates)
		require.EqualValues(t, 6*3*small, st.Nominal)
	})
}

func TestSurvivesRestart(t *testing.T) {
	o := Options{Dir: t.TempDir(), Logger: quiet}
	s, err := Open(o)
	require.NoError(t, err)
	park(t, s, all, prompt(5, 1, 2), small)
	park(t, s, alice, prompt(3, 1, 2), small)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())

	s = openStore(t, o)
	require.Equal(t, 5, restored(t, s, all, prompt(5, 1, 2), small))
	require.Equal(t, 3, restored(t, s, alice, prompt(3, 1, 2), small))
	st := s.Stats()
	require.Equal(t, []Usage{
		{Identity: all, Pages: 5, Bytes: st.Groups[0].Bytes, Nominal: 5 * 3 * small},
		{Identity: alice, Pages: 3, Bytes: st.Groups[1].Bytes, Nominal: 3 * 3 * small},
	}, st.Groups)
	require.Zero(t, st.Counts.Damaged)
	require.EqualValues(t, 8*PageTokens, st.Counts.TokensRestored)
	park(t, s, all, prompt(6, 1, 2), small)
	require.EqualValues(t, 1, s.Stats().Counts.Puts)
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	openStore(t, Options{Dir: dir})
	_, err := Open(Options{Dir: dir, Logger: quiet})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, dir)
}

func TestInvalid(t *testing.T) {
	s := openStore(t, Options{})
	good := pagesOf(all, prompt(2, 1), small)
	for name, change := range map[string]func(p *Page){
		"few tokens":  func(p *Page) { p.Tokens = p.Tokens[1:] },
		"no data":     func(p *Page) { p.Data = nil },
		"no model":    func(p *Page) { p.Identity.Model = "" },
		"long scope":  func(p *Page) { p.Identity.Scope = string(make([]byte, maxName+1)) },
		"nominal < 0": func(p *Page) { p.Nominal = -1 },
	} {
		p := good[0]
		change(&p)
		require.ErrorIs(t, s.Put(ctx, p), ErrInvalid, name)
	}
	require.ErrorIs(t, s.Put(ctx, good[1]), ErrNoParent)
	require.NoError(t, s.Put(ctx, good[0]))
	stranger := good[1]
	stranger.Identity = alice
	require.ErrorIs(t, s.Put(ctx, stranger), ErrNoParent)
	require.NoError(t, s.Put(ctx, good[1]))
	_, err := s.Lookup(ctx, Identity{}, nil)
	require.ErrorIs(t, err, ErrInvalid)
	for _, o := range []Options{{RAMBytes: -1}, {DiskBytes: -1}, {TTL: -1}, {QueueBytes: -1}} {
		_, err := Open(o)
		require.ErrorIs(t, err, ErrInvalid)
	}
}

func TestDrop(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		s := openStore(t, o)
		park(t, s, all, prompt(3, 1), small)
		park(t, s, alice, prompt(3, 1), small)
		held, err := s.Lookup(ctx, alice, prompt(3, 1))
		require.NoError(t, err)
		defer held.Release()
		data, err := held.Page(ctx, 0)
		require.NoError(t, err)

		n, err := s.Drop(ctx, func(id Identity) bool { return id.Scope == "alice" })
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Zero(t, restored(t, s, alice, prompt(3, 1), small))
		require.Equal(t, 3, restored(t, s, all, prompt(3, 1), small))
		_, err = held.Page(ctx, 0)
		require.ErrorIs(t, err, ErrGone)
		k := held.Key(0)
		require.Equal(t, pageData(k, sizeOf(k, small)), data, "what was handed out stays")

		park(t, s, alice, prompt(3, 1), small)
		require.NoError(t, s.Flush(ctx))
		require.Equal(t, 3, restored(t, s, alice, prompt(3, 1), small))
		require.EqualValues(t, 3, s.Stats().Counts.Dropped)
	})
}

func TestClosed(t *testing.T) {
	s := openStore(t, Options{Dir: t.TempDir()})
	park(t, s, all, prompt(1, 1), small)
	p, err := s.Lookup(ctx, all, prompt(1, 1))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	_, err = p.Page(ctx, 0)
	require.ErrorIs(t, err, ErrClosed)
	p.Release()
	require.ErrorIs(t, s.Put(ctx, pagesOf(all, prompt(1, 2), small)[0]), ErrClosed)
	_, err = s.Lookup(ctx, all, prompt(1, 1))
	require.ErrorIs(t, err, ErrClosed)
	_, err = s.Drop(ctx, func(Identity) bool { return true })
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, s.Flush(ctx), ErrClosed)
	require.Equal(t, 1, s.Stats().Pages)
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, Options{TTL: time.Hour})
		park(t, s, all, prompt(3, 1), small)
		held, err := s.Lookup(ctx, all, prompt(3, 1))
		require.NoError(t, err)
		park(t, s, all, prompt(3, 2), small)
		time.Sleep(59 * time.Minute)
		require.Equal(t, 1, restored(t, s, all, prompt(1, 2), small))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.Equal(t, 4, s.Stats().Pages, "three are held, one was used")
		held.Release()
		synctest.Wait()
		require.Equal(t, 1, s.Stats().Pages)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, s.Stats().Pages)
		require.EqualValues(t, 6, s.Stats().Counts.Expired)
		require.Zero(t, s.back.size())
	})
}

func TestPutWaitsForTheQueue(t *testing.T) {
	s := openStore(t, Options{QueueBytes: 1})
	gate := newGate(s)
	pages := pagesOf(all, prompt(2, 1), small)
	require.NoError(t, s.Put(ctx, pages[0]))
	<-gate.entered
	short, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, s.Put(short, pages[1]), context.Canceled)
	require.ErrorIs(t, s.Flush(short), context.Canceled)
	done := make(chan error, 1)
	go func() { done <- s.Put(ctx, pages[1]) }()
	close(gate.open)
	require.NoError(t, <-done)
	require.Equal(t, 2, restored(t, s, all, prompt(2, 1), small))
}
