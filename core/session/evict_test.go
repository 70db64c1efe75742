package session

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// putEven puts pages of one size, so that a budget is a number of pages.
func putEven(t *testing.T, s *Store, tokens []int32) {
	t.Helper()
	for _, p := range pagesOf(all, tokens, small) {
		p.Data = p.Data[:small/2]
		require.NoError(t, s.Put(ctx, p))
	}
	require.NoError(t, s.Flush(ctx))
}

func evenRoom(pages int64) Options {
	return Options{RAMBytes: pages * (small/2 + memoryOverhead)}
}

func TestLeavesGoBeforeTheirPrefixes(t *testing.T) {
	s := openStore(t, evenRoom(6))
	putEven(t, s, prompt(3, 1, 1, 1))
	putEven(t, s, prompt(3, 2, 2, 2))
	putEven(t, s, prompt(2, 3))
	require.Equal(t, 1, s.Has(all, prompt(3, 1)), "the prompt used longest ago lost its end")
	require.Equal(t, 3, s.Has(all, prompt(3, 2)))
	require.Equal(t, 2, s.Has(all, prompt(2, 3)))

	p, err := s.Lookup(ctx, all, prompt(1, 1))
	require.NoError(t, err)
	p.Release()
	putEven(t, s, prompt(1, 4))
	require.Equal(t, 1, s.Has(all, prompt(3, 1)), "it was used")
	require.Equal(t, 2, s.Has(all, prompt(3, 2)))
	require.EqualValues(t, 3, s.Stats().Counts.Evicted)
}

func TestHeldPagesStay(t *testing.T) {
	s := openStore(t, evenRoom(4))
	putEven(t, s, prompt(3, 1))
	p, err := s.Lookup(ctx, all, prompt(3, 1))
	require.NoError(t, err)
	putEven(t, s, prompt(2, 2))
	require.Equal(t, 3, s.Has(all, prompt(3, 1)))
	require.Equal(t, 1, s.Has(all, prompt(2, 2)), "the second did not fit")
	require.EqualValues(t, 1, s.Stats().Counts.Rejected)
	p.Release()
	p.Release()
	putEven(t, s, prompt(3, 2))
	require.Equal(t, 1, s.Has(all, prompt(3, 1)))
	require.Equal(t, 3, s.Has(all, prompt(3, 2)))
}

func TestPageLargerThanTheBudget(t *testing.T) {
	s := openStore(t, evenRoom(2))
	putEven(t, s, prompt(1, 1))
	big := pagesOf(all, prompt(1, 2), small)[0]
	big.Data = make([]byte, 3*small)
	require.NoError(t, s.Put(ctx, big))
	require.NoError(t, s.Flush(ctx))
	require.Zero(t, s.Has(all, prompt(1, 2)))
	require.Equal(t, 1, s.Has(all, prompt(1, 1)), "nothing went for it")
}

// TestFileStaysNearItsBudget writes many times the budget.
func TestFileStaysNearItsBudget(t *testing.T) {
	const budget = 4 << 20
	s := openStore(t, Options{Dir: t.TempDir(), DiskBytes: budget, RAMBytes: -1, QueueBytes: 1 << 20})
	for i := range int32(60) {
		park(t, s, all, prompt(5, i), 100_000)
	}
	checkStore(t, s)
	st := s.Stats()
	require.Less(t, st.Disk, int64(budget*3/2))
	require.Greater(t, st.Bytes, int64(budget/2))
}

func TestSmallerBudgetCompacts(t *testing.T) {
	o := Options{Dir: t.TempDir(), RAMBytes: -1, Logger: quiet}
	s, err := Open(o)
	require.NoError(t, err)
	for i := range int32(8) {
		park(t, s, all, prompt(5, i), 2_500_000)
	}
	require.NoError(t, s.Flush(ctx))
	_, err = s.Drop(ctx, func(Identity) bool { return true })
	require.NoError(t, err)
	park(t, s, all, prompt(5, 1), 100_000)
	require.NoError(t, s.Flush(ctx))
	require.Greater(t, s.Stats().Disk, int64(compactAbove))
	require.NoError(t, s.Close())
	s = openStore(t, o)
	require.Less(t, s.Stats().Disk, int64(4<<20))
	require.Equal(t, 5, restored(t, s, all, prompt(5, 1), 100_000))
	checkStore(t, s)
}

func TestFailedWrite(t *testing.T) {
	full := errors.New("disk full")
	for name, fault := range map[string]error{"once": full, "for good": errBroken} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, Options{Dir: t.TempDir()})
			park(t, s, all, prompt(2, 1), small)
			require.NoError(t, s.Flush(ctx))
			g := newGate(s)
			failed := false
			g.fail = func(b batch) error {
				if len(b.put) == 0 || failed {
					return nil
				}
				failed = true
				return fault
			}
			park(t, s, all, prompt(4, 1, 1, 2), small)
			<-g.entered
			close(g.open)
			require.ErrorIs(t, s.Flush(ctx), fault)
			left := 2
			if fault == errBroken {
				left = 0
			}
			require.NoError(t, s.Flush(ctx))
			require.Equal(t, left, restored(t, s, all, prompt(4, 1, 1, 2), small))
			require.EqualValues(t, 1, s.Stats().Counts.WriteFailures)
			park(t, s, all, prompt(4, 1, 1, 2), small)
			require.NoError(t, s.Flush(ctx))
			require.Equal(t, 4, restored(t, s, all, prompt(4, 1, 1, 2), small))
		})
	}
}
