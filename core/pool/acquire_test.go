package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTenCallersLoadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 10, gate: gate} })
		var calls []<-chan outcome
		for range 10 {
			calls = append(calls, f.start(t.Context(), "a", AcquireOptions{}))
		}
		synctest.Wait()
		require.Equal(t, 10, f.status("a").Waiters)
		require.Equal(t, StateLoading, f.status("a").State)
		close(gate)
		var leases []*Lease[*thing]
		for _, c := range calls {
			got := <-c
			require.NoError(t, got.err)
			leases = append(leases, got.lease)
			require.Same(t, leases[0].Value(), got.lease.Value())
		}
		require.Equal(t, 10, f.status("a").Leases)
		loads, _, _ := f.l.counts()
		require.Equal(t, 1, loads)
		for _, lease := range leases {
			lease.Release()
		}
		f.close(t)
	})
}

func TestLoadOutlivesItsFirstCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 10, gate: gate} })
		ctx, cancel := context.WithCancel(t.Context())
		first := f.start(ctx, "a", AcquireOptions{})
		synctest.Wait()
		second := f.start(t.Context(), "a", AcquireOptions{})
		synctest.Wait()
		cancel()
		require.ErrorIs(t, (<-first).err, context.Canceled)
		close(gate)
		got := <-second
		require.NoError(t, got.err)
		got.lease.Release()
		loads, _, _ := f.l.counts()
		require.Equal(t, 1, loads)
		f.close(t)
	})
}

func TestLastCallerCancelsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 10, gate: gate} })
		errBored := errors.New("bored")
		ctx, cancel := context.WithCancelCause(t.Context())
		a, b := f.start(ctx, "a", AcquireOptions{}), f.start(ctx, "a", AcquireOptions{})
		synctest.Wait()
		cancel(errBored)
		require.ErrorIs(t, (<-a).err, errBored)
		require.ErrorIs(t, (<-b).err, errBored)
		synctest.Wait()
		require.Empty(t, f.Status())
		require.Zero(t, f.Usage().Used)
		require.Zero(t, f.Usage().Counts.Failures, "giving up is no failure")
		f.close(t)
	})
}

// A load that does not heed its cancellation is waited for, and what it brought is kept.
func TestCallerAfterACancelledLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(string) recipe {
			return recipe{estimate: 10, gate: gate, deaf: true}
		})
		ctx, cancel := context.WithCancel(t.Context())
		first := f.start(ctx, "a", AcquireOptions{})
		synctest.Wait()
		cancel()
		require.ErrorIs(t, (<-first).err, context.Canceled)
		second := f.start(t.Context(), "a", AcquireOptions{})
		synctest.Wait()
		require.Empty(t, second)
		close(gate)
		got := <-second
		require.NoError(t, got.err)
		got.lease.Release()
		loads, _, _ := f.l.counts()
		require.Equal(t, 1, loads)
		f.close(t)
	})
}

func TestFailureReachesAllWaitersAndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		fails := true
		f := newFixture(t, Options{Budget: 100}, func(string) recipe {
			r := recipe{estimate: 10, gate: gate}
			if fails {
				r.err = errLoad
			}
			return r
		})
		a, b := f.start(t.Context(), "a", AcquireOptions{}), f.start(t.Context(), "a", AcquireOptions{})
		synctest.Wait()
		close(gate)
		require.ErrorIs(t, (<-a).err, errLoad)
		require.ErrorIs(t, (<-b).err, errLoad)
		require.Zero(t, f.Usage().Used)
		require.EqualValues(t, 1, f.Usage().Counts.Failures)
		fails = false
		f.acquire(t, "a").Release()
		f.close(t)
	})
}

func TestProgressReachesAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		half := Progress{Stage: "weights", Fraction: 0.5}
		f := newFixture(t, Options{Budget: 100}, func(string) recipe {
			return recipe{estimate: 10, gate: gate, steps: []Progress{{Stage: "weights"}, half}}
		})
		var got [2][]Progress
		var calls [2]<-chan outcome
		for i := range calls {
			calls[i] = f.start(t.Context(), "a", AcquireOptions{Progress: func(s Progress) { got[i] = append(got[i], s) }})
			synctest.Wait()
		}
		require.Equal(t, half, f.status("a").Progress)
		close(gate)
		for i, c := range calls {
			(<-c).lease.Release()
			require.Equal(t, half, got[i][len(got[i])-1], "also to the one who came later")
		}
		f.close(t)
	})
}

func TestGoneIsLoadedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 60} })
		first := f.acquire(t, "a")
		require.True(t, f.l.kill("a"))
		<-first.Gone()
		synctest.Wait()
		require.Zero(t, f.Usage().Used, "its bytes are free though it is leased")
		second := f.acquire(t, "a")
		require.NotSame(t, first.Value(), second.Value())
		_, unloads, _ := f.l.counts()
		require.Zero(t, unloads, "it is leased")
		first.Release()
		synctest.Wait()
		_, unloads, _ = f.l.counts()
		require.Equal(t, 1, unloads)
		second.Release()

		require.True(t, f.l.kill("a"), "without a lease")
		synctest.Wait()
		require.Empty(t, f.Status())
		require.EqualValues(t, 2, f.Usage().Counts.Died)
		f.close(t)
	})
}

func TestDiedAsItWasLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 60, dead: true} })
		_, err := f.Acquire(t.Context(), "a", AcquireOptions{})
		require.ErrorIs(t, err, ErrDied)
		f.close(t)
	})
}

func TestReleaseTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a, b := f.acquire(t, "a:10"), f.acquire(t, "a:10")
		a.Release()
		a.Release()
		require.Equal(t, 1, f.status("a:10").Leases)
		b.Release()
		f.close(t)
	})
}

func TestNegativeEstimate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: -1} })
		_, err := f.Acquire(t.Context(), "a", AcquireOptions{})
		require.ErrorContains(t, err, "-1 bytes")
		f.close(t)
	})
}

func TestUnloadFailureFreesItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe {
			return recipe{estimate: 60, unerr: errLoad, unload: time.Second}
		})
		f.acquire(t, "a").Release()
		require.NoError(t, f.Evict(t.Context(), "a"))
		require.Zero(t, f.Usage().Used)
		f.close(t)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Budget: -1}, {IdleTTL: -1}, {UnloadTimeout: -1}} {
		_, err := New(o, newFakeLoader(t, sized))
		require.Error(t, err)
	}
}
