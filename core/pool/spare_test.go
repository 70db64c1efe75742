package pool

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A spare thing takes what nobody has, and is the first to go.
func TestSpareMakesNobodyGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Budget: 100}, func(string) recipe { return recipe{estimate: 40} })
		f.acquire(t, "a").Release()
		spare := func(key string) error {
			lease, err := f.Acquire(t.Context(), key, AcquireOptions{Spare: true})
			if err == nil {
				lease.Release()
			}
			return err
		}
		require.NoError(t, spare("s"))
		require.ErrorIs(t, spare("t"), ErrNoRoom)
		synctest.Wait()
		require.NotEmpty(t, f.status("a"))
		require.NotEmpty(t, f.status("s"))

		f.acquire(t, "b").Release() // s goes for it, though it was used last
		synctest.Wait()
		require.Empty(t, f.status("s"))
		require.NotEmpty(t, f.status("a"))

		require.NoError(t, f.Evict(t.Context(), "a"))
		require.NoError(t, f.Evict(t.Context(), "b"))
		require.NoError(t, spare("s"))
		require.NoError(t, spare("t"))
		f.acquire(t, "s").Release() // now it is wanted, and t alone is spare
		f.acquire(t, "c").Release()
		synctest.Wait()
		require.NotEmpty(t, f.status("s"))
		require.Empty(t, f.status("t"))
		f.close(t)
	})
}

// Somebody who wants a thing is not told that there is no room to spare for it.
func TestWantedAfterSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := newFixture(t, Options{Budget: 100}, func(key string) recipe {
			switch key {
			case "slow":
				return recipe{estimate: 40, gate: gate}
			case "grows":
				return recipe{estimate: 10, bytes: 90}
			}
			return recipe{estimate: 40}
		})
		f.acquire(t, "a").Release()
		f.acquire(t, "b").Release()
		for range 20 { // one refuses and the other loads, in whatever order
			refused := make(chan error, 1)
			go func() {
				lease, err := f.Acquire(t.Context(), "c", AcquireOptions{Spare: true})
				if err == nil {
					lease.Release()
				}
				refused <- err
			}()
			f.acquire(t, "c").Release()
			if err := <-refused; err != nil {
				require.ErrorIs(t, err, ErrNoRoom)
			}
			require.NoError(t, f.Evict(t.Context(), "c"))
			f.acquire(t, "a").Release()
			f.acquire(t, "b").Release()
		}

		_, err := f.Acquire(t.Context(), "grows", AcquireOptions{Spare: true})
		require.ErrorIs(t, err, ErrNoRoom)
		synctest.Wait()
		require.NotEmpty(t, f.status("a"))
		require.NotEmpty(t, f.status("b"))

		require.NoError(t, f.Evict(t.Context(), "b"))
		loading := make(chan *Lease[*thing], 1)
		go func() {
			lease, _ := f.Acquire(t.Context(), "slow", AcquireOptions{Spare: true})
			loading <- lease
		}()
		synctest.Wait()
		wanted := make(chan *Lease[*thing], 1)
		go func() { wanted <- f.acquire(t, "slow") }()
		synctest.Wait()
		close(gate)
		(<-loading).Release()
		(<-wanted).Release()
		f.close(t)
	})
}
