package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A page that its reader has no use for goes, with those after it, in memory and on disk.
func TestPrefixDrop(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	s := openStore(t, o)
	one, other := prompt(5, 1, 1, 2), prompt(5, 1, 1, 3)
	park(t, s, all, one, small)
	park(t, s, all, other, small)
	p, err := s.Lookup(ctx, all, one)
	require.NoError(t, err)
	p.Drop(3)
	p.Drop(3)
	require.EqualValues(t, 2, s.Stats().Counts.Damaged)
	_, err = p.Page(ctx, 2)
	require.NoError(t, err)
	_, err = p.Page(ctx, 3)
	require.ErrorIs(t, err, ErrGone)
	p.Release()
	require.Equal(t, 3, restored(t, s, all, one, small))
	require.Equal(t, 5, restored(t, s, all, other, small))
	require.NoError(t, s.Flush(ctx))
	checkStore(t, s)
	require.NoError(t, s.Close())

	s = openStore(t, o)
	require.Equal(t, 3, restored(t, s, all, one, small))
	require.Equal(t, 5, restored(t, s, all, other, small))
}
