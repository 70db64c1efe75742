package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEvictWaitsForLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		require.ErrorIs(t, f.Evict(t.Context(), "a:10"), ErrNotLoaded)
		first := f.acquire(t, "a:10")
		evicted := make(chan error, 1)
		go func() { evicted <- f.Evict(t.Context(), "a:10") }()
		synctest.Wait()
		again := f.start(t.Context(), "a:10", AcquireOptions{})
		synctest.Wait()
		require.Empty(t, evicted)
		require.Empty(t, again)
		require.True(t, f.status("a:10").Draining)
		first.Release()
		require.NoError(t, <-evicted)
		next := (<-again).lease
		require.NotSame(t, first.Value(), next.Value())
		next.Release()
		f.close(t)
	})
}

func TestEvictIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		first := f.acquire(t, "a:10")
		ctx, cancel := context.WithCancel(t.Context())
		evicted := make(chan error, 1)
		go func() { evicted <- f.Evict(ctx, "a:10") }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-evicted, context.Canceled)
		second := f.acquire(t, "a:10")
		require.Same(t, first.Value(), second.Value())
		first.Release()
		second.Release()
		require.Equal(t, StateReady, f.status("a:10").State)
		f.close(t)
	})
}

// Who waits for the load still gets a lease.
func TestEvictDuringLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 10, gate: gate} })
		a := f.start(t.Context(), "a", AcquireOptions{})
		synctest.Wait()
		evicted := make(chan error, 1)
		go func() { evicted <- f.Evict(t.Context(), "a") }()
		synctest.Wait()
		close(gate)
		got := <-a
		require.NoError(t, got.err)
		synctest.Wait()
		require.Empty(t, evicted)
		got.lease.Release()
		require.NoError(t, <-evicted)
		f.close(t)
	})
}

func TestEvictPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		f.Pin("a:10")
		f.acquire(t, "a:10").Release()
		require.NoError(t, f.Evict(t.Context(), "a:10"))
		f.acquire(t, "a:10").Release()
		require.True(t, f.status("a:10").Pinned, "the pin is the key's")
		f.close(t)
	})
}

func TestIdleTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 1000, IdleTTL: time.Minute}, sized)
		f.Pin("p:10")
		f.acquire(t, "p:10").Release()
		f.acquire(t, "d:10").Release() // the pool's time
		short, err := f.Acquire(t.Context(), "s:10", AcquireOptions{IdleTTL: time.Second})
		require.NoError(t, err)
		short.Release()
		long, err := f.Acquire(t.Context(), "l:10", AcquireOptions{IdleTTL: -1})
		require.NoError(t, err)
		long.Release()
		held := f.acquire(t, "h:10")
		require.WithinDuration(t, time.Now().Add(time.Minute), f.status("d:10").Expires, 0)
		require.Zero(t, f.status("h:10").Expires)

		left := func(after time.Duration) (keys string) {
			time.Sleep(after)
			synctest.Wait()
			for _, s := range f.Status() {
				keys += s.Key[:1]
			}
			return keys
		}
		require.Equal(t, "dhlps", left(time.Second-1))
		require.Equal(t, "dhlp", left(1))
		f.acquire(t, "d:10").Release() // its time begins anew
		require.Equal(t, "dhlp", left(time.Minute-1))
		require.Equal(t, "hlp", left(1))
		f.Unpin("p:10")
		held.Release()
		require.Equal(t, "hlp", left(time.Minute-1))
		require.Equal(t, "l", left(1))
		require.EqualValues(t, 4, f.Usage().Counts.Expired)
		f.close(t)
	})
}

func TestCloseWaitsForLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(key string) recipe {
			if key == "loads" {
				return recipe{estimate: 10, gate: gate}
			}
			return recipe{estimate: 60}
		})
		a := f.acquire(t, "a")
		loads := f.start(t.Context(), "loads", AcquireOptions{})
		waits := f.start(t.Context(), "waits", AcquireOptions{})
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := f.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "a")
		require.ErrorIs(t, (<-loads).err, ErrClosed)
		require.ErrorIs(t, (<-waits).err, ErrClosed)
		_, err = f.Acquire(t.Context(), "a", AcquireOptions{})
		require.ErrorIs(t, err, ErrClosed)
		_, unloads, _ := f.l.counts()
		require.Zero(t, unloads)
		a.Release()
		f.close(t)
		f.close(t)
	})
}

// A load that does not heed its cancellation is waited for and unloaded.
func TestCloseDuringADeafLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe {
			return recipe{estimate: 10, takes: time.Second, deaf: true}
		})
		a := f.start(t.Context(), "a", AcquireOptions{})
		synctest.Wait()
		f.close(t)
		require.ErrorIs(t, (<-a).err, ErrClosed)
		loads, _, _ := f.l.counts()
		require.Equal(t, 1, loads)
	})
}
