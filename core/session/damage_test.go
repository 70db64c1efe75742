package session

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
)

// countPages counts the pages in the file, each of which must have its entry.
func countPages(t testing.TB, d *disk) int {
	n := 0
	require.NoError(t, d.view(func(tx *bbolt.Tx) error {
		require.Equal(t, tx.Bucket(bucketIndex).Stats().KeyN, tx.Bucket(bucketPages).Stats().BucketN-1)
		return tx.Bucket(bucketPages).ForEachBucket(func(k []byte) error {
			require.NotNil(t, tx.Bucket(bucketIndex).Get(k))
			n++
			return nil
		})
	}))
	return n
}

// filled makes a directory with a store of two prompts that share two pages.
func filled(t *testing.T) Options {
	o := Options{Dir: t.TempDir(), RAMBytes: -1, Logger: quiet}
	s, err := Open(o)
	require.NoError(t, err)
	park(t, s, all, prompt(5, 1, 1, 2), small)
	park(t, s, all, prompt(5, 1, 1, 3), small)
	require.NoError(t, s.Close())
	return o
}

// edit changes the file of a closed store.
func edit(t *testing.T, o Options, f func(pages, index *bbolt.Bucket) error) {
	db, err := bbolt.Open(filepath.Join(o.Dir, fileName), 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error { return f(tx.Bucket(bucketPages), tx.Bucket(bucketIndex)) }))
	require.NoError(t, db.Close())
}

func TestDamagedPage(t *testing.T) {
	tokens := prompt(5, 1, 1, 2)
	keys := Keys(all, tokens)
	for name, damage := range map[string]func(pages *bbolt.Bucket, b []byte) []byte{
		"a bit": func(_ *bbolt.Bucket, b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"short": func(_ *bbolt.Bucket, b []byte) []byte { return b[:len(b)-1] },
		"empty": func(_ *bbolt.Bucket, b []byte) []byte { return nil },
		"stranger": func(pages *bbolt.Bucket, _ []byte) []byte {
			return append([]byte(nil), pages.Bucket(keys[1][:]).Get(keyRecord)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := filled(t)
			edit(t, o, func(pages, _ *bbolt.Bucket) error {
				page := pages.Bucket(keys[2][:])
				return page.Put(keyRecord, damage(pages, append([]byte(nil), page.Get(keyRecord)...)))
			})
			s := openStore(t, o)
			p, err := s.Lookup(ctx, all, tokens)
			require.NoError(t, err)
			require.Equal(t, 5, p.Pages())
			_, err = p.Page(ctx, 1)
			require.NoError(t, err)
			_, err = p.Page(ctx, 2)
			require.ErrorIs(t, err, ErrDamaged)
			_, err = p.Page(ctx, 3)
			require.ErrorIs(t, err, ErrGone)
			p.Release()
			require.Equal(t, 2, restored(t, s, all, tokens, small))
			require.Equal(t, 5, restored(t, s, all, prompt(5, 1, 1, 3), small))
			require.EqualValues(t, 3, s.Stats().Counts.Damaged)
			park(t, s, all, tokens, small)
			checkStore(t, s)
			require.Equal(t, 5, restored(t, s, all, tokens, small))
		})
	}
}

func TestDamagedIndex(t *testing.T) {
	keys := Keys(all, prompt(5, 1, 1, 2))
	for name, damage := range map[string]func(pages, index *bbolt.Bucket) error{
		"entry": func(_, index *bbolt.Bucket) error {
			b := append([]byte(nil), index.Get(keys[2][:])...)
			b[20] ^= 1
			return index.Put(keys[2][:], b)
		},
		"no entry": func(_, index *bbolt.Bucket) error { return index.Delete(keys[2][:]) },
		"no page":  func(pages, _ *bbolt.Bucket) error { return pages.DeleteBucket(keys[2][:]) },
		"stranger": func(_, index *bbolt.Bucket) error { return index.Put(keys[2][:], index.Get(keys[1][:])) },
	} {
		t.Run(name, func(t *testing.T) {
			o := filled(t)
			edit(t, o, damage)
			s := openStore(t, o)
			require.Equal(t, 2, restored(t, s, all, prompt(5, 1, 1, 2), small))
			require.Equal(t, 5, restored(t, s, all, prompt(5, 1, 1, 3), small))
			require.GreaterOrEqual(t, s.Stats().Counts.Damaged, int64(2))
			checkStore(t, s)
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"garbage":   func(b []byte) []byte { return pageData(Key{}, 100_000) },
		"truncated": func(b []byte) []byte { return b[:3*blockLen] },
		"stub":      func(b []byte) []byte { return b[:100] },
		"no metas":  func(b []byte) []byte { clear(b[:2*blockLen]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			o := filled(t)
			path := filepath.Join(o.Dir, fileName)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, damage(b), 0o600))
			s := openStore(t, o)
			require.Zero(t, s.Stats().Pages)
			require.Positive(t, s.Stats().Counts.Damaged)
			park(t, s, all, prompt(5, 1, 1, 2), small)
			checkStore(t, s)
			require.Equal(t, 5, restored(t, s, all, prompt(5, 1, 1, 2), small))
		})
	}
}

// pageBlocks lists where the blocks of pages are in the file.
func pageBlocks(t *testing.T, o Options) []int {
	var out []int
	edit(t, o, func(pages, _ *bbolt.Bucket) error {
		return pages.ForEachBucket(func(k []byte) error {
			root := int(pages.Bucket(k).RootPage())
			info, err := pages.Tx().Page(root)
			for i := range info.OverflowCount + 1 {
				out = append(out, (root+i)*blockLen)
			}
			return err
		})
	})
	return out
}

// TestAnyByte changes bytes anywhere in pages, bbolt's own headers of them included. Whatever that
// does, the store opens, works, and gives no page that was not put.
func TestAnyByte(t *testing.T) {
	rounds := uint64(200)
	if testing.Short() {
		rounds = 20
	}
	o := filled(t)
	blocks := pageBlocks(t, o)
	path := filepath.Join(o.Dir, fileName)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, 0))
		b := append([]byte(nil), whole...)
		for range 1 + r.IntN(4) {
			at := r.IntN(blockLen)
			if r.IntN(2) == 0 {
				at = r.IntN(blockHeader + elementHeader)
			}
			b[blocks[r.IntN(len(blocks))]+at] = byte(r.Uint32())
		}
		require.NoError(t, os.WriteFile(path, b, 0o600))
		s, err := Open(o)
		require.NoError(t, err, "seed %d", seed)
		for _, c := range []int32{2, 3} {
			tokens := prompt(5, 1, 1, c)
			p, err := s.Lookup(ctx, all, tokens)
			require.NoError(t, err)
			for i := range p.Pages() {
				data, err := p.Page(ctx, i)
				if err != nil {
					require.True(t, errors.Is(err, ErrDamaged) || errors.Is(err, ErrGone), "seed %d: %v", seed, err)
					continue
				}
				require.Equal(t, pageData(p.Key(i), sizeOf(p.Key(i), small)), data, "seed %d", seed)
			}
			p.Release()
		}
		if r.IntN(2) == 0 {
			_, _ = s.Drop(ctx, func(Identity) bool { return true }) // may find that it cannot
		}
		for c := range int32(4) { // a parent may be lost as the file is made anew
			for _, p := range pagesOf(all, prompt(5, c), small) {
				if err := s.Put(ctx, p); err != nil {
					require.ErrorIs(t, err, ErrNoParent, "seed %d", seed)
				}
			}
		}
		_ = s.Close() // may not be able to write
	}
}
