package pool

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestTooLargeSaysTheSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 4 << 20}, sized)
		_, err := f.Acquire(t.Context(), fmt.Sprintf("a:%d", 6<<20), AcquireOptions{})
		require.ErrorIs(t, err, ErrTooLarge)
		var large *TooLargeError
		require.ErrorAs(t, err, &large)
		require.EqualValues(t, 6<<20, large.Bytes)
		require.ErrorContains(t, err, "needs 6 MiB, the memory budget is 4 MiB")

		f.Pin("b:3145728")
		f.acquire(t, "b:3145728").Release()
		_, err = f.Acquire(t.Context(), fmt.Sprintf("a:%d", 2<<20), AcquireOptions{})
		require.ErrorContains(t, err, "of which 3 MiB is pinned")
		f.close(t)
	})
}

func TestLoadedTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 10, bytes: 150} })
		_, err := f.Acquire(t.Context(), "a", AcquireOptions{})
		require.ErrorIs(t, err, ErrTooLarge)
		f.close(t)
	})
}

func TestLargerThanEstimatedEvictsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(key string) recipe {
			if key == "grows" {
				return recipe{estimate: 10, bytes: 70}
			}
			return recipe{estimate: 45}
		})
		f.acquire(t, "idle").Release()
		held := f.acquire(t, "held")
		grown := f.acquire(t, "grows")
		synctest.Wait()
		require.Empty(t, f.status("idle"), "went first")
		require.True(t, f.status("held").Draining)
		held.Release()
		synctest.Wait()
		require.Empty(t, f.status("held"))
		require.EqualValues(t, 70, f.Usage().Used)
		grown.Release()
		f.close(t)
	})
}

func TestTwoUnderABudgetForOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a := f.acquire(t, "a:60")
		b := f.start(t.Context(), "b:60", AcquireOptions{})
		synctest.Wait()
		require.Equal(t, StateWaiting, f.status("b:60").State)
		require.True(t, f.status("a:60").Draining)

		// Who comes for the first now comes after the second: it would starve otherwise.
		again := f.start(t.Context(), "a:60", AcquireOptions{})
		synctest.Wait()
		require.Empty(t, again)
		a.Release()
		got := <-b
		require.NoError(t, got.err)
		require.Empty(t, again)
		got.lease.Release()
		(<-again).lease.Release()
		require.EqualValues(t, 2, f.Usage().Counts.Evictions)
		f.close(t)
	})
}

func TestWaitingForRoomIsBoundedByTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a := f.acquire(t, "a:60")
		ctx, cancel := context.WithCancel(t.Context())
		b := f.start(ctx, "b:60", AcquireOptions{})
		again := f.start(t.Context(), "c:50", AcquireOptions{})
		synctest.Wait()
		cancel()
		require.ErrorIs(t, (<-b).err, context.Canceled)
		synctest.Wait()
		require.Empty(t, again)
		a.Release()
		(<-again).lease.Release()
		f.close(t)
	})
}

// When the one who wanted the room gives up, what was draining gives leases again.
func TestDrainIsCalledOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a := f.acquire(t, "a:60")
		ctx, cancel := context.WithCancel(t.Context())
		b := f.start(ctx, "b:60", AcquireOptions{})
		synctest.Wait()
		again := f.start(t.Context(), "a:60", AcquireOptions{})
		synctest.Wait()
		require.Empty(t, again)
		cancel()
		require.ErrorIs(t, (<-b).err, context.Canceled)
		got := <-again
		require.Same(t, a.Value(), got.lease.Value())
		got.lease.Release()
		a.Release()
		require.Zero(t, f.Usage().Counts.Evictions)
		f.close(t)
	})
}

func TestSmallOnePassesOneThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a := f.acquire(t, "a:50")
		b := f.start(t.Context(), "b:60", AcquireOptions{})
		synctest.Wait()
		c := f.acquire(t, "c:30") // 50 are free and 50 will be: enough for both
		d := f.start(t.Context(), "d:20", AcquireOptions{})
		synctest.Wait()
		require.Empty(t, d, "it would take what the second waits for")
		a.Release()
		(<-b).lease.Release()
		(<-d).lease.Release()
		c.Release()
		f.close(t)
	})
}

func TestOnlyWhatIsNeededGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		f.acquire(t, "s:10").Release()
		f.acquire(t, "l:80").Release()
		f.acquire(t, "n:80").Release()
		synctest.Wait()
		require.Equal(t, StateReady, f.status("s:10").State)
		require.Empty(t, f.status("l:80"))
		f.close(t)
	})
}

func TestPinnedStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		f.Pin("a:40")
		require.NoError(t, f.Preload(t.Context(), "a:40", AcquireOptions{}))
		f.acquire(t, "b:60").Release()
		f.acquire(t, "c:60").Release()
		require.Equal(t, StateReady, f.status("a:40").State)
		require.True(t, f.status("a:40").Pinned)

		f.Unpin("a:40")
		f.acquire(t, "d:100").Release()
		require.Empty(t, f.status("a:40"))
		f.close(t)
	})
}

// A pin that comes while another waits for that room refuses it.
func TestPinRefusesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		a := f.acquire(t, "a:60")
		b := f.start(t.Context(), "b:60", AcquireOptions{})
		synctest.Wait()
		f.Pin("a:60")
		require.ErrorIs(t, (<-b).err, ErrTooLarge)
		synctest.Wait()
		require.False(t, f.status("a:60").Draining)
		a.Release()
		f.close(t)
	})
}

// What ristretto has counted often stays, though it was used longer ago.
func TestFrequentStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, sized)
		for range 10 {
			f.acquire(t, "o:40").Release()
		}
		f.acquire(t, "r:40").Release()
		for range 3 {
			f.acquire(t, "n:40").Release()
			synctest.Wait()
		}
		require.Equal(t, StateReady, f.status("o:40").State)
		require.Empty(t, f.status("r:40"))
		f.close(t)
	})
}
