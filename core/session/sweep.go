package session

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"go.etcd.io/bbolt"
)

// compactAbove is how many bytes a file must waste, and as many as it uses, to be written anew as
// it is opened.
const compactAbove = 64 << 20

// sweep makes the buckets, removes what is damaged or belongs to nothing, and lists the rest: each
// entry has its page, and the page before it.
func (d *disk) sweep() (entries []entry, damaged int64, err error) {
	err = d.update(func(tx *bbolt.Tx) error {
		entries, damaged = nil, 0
		if err := removeStrangers(tx); err != nil {
			return err
		}
		index, err := tx.CreateBucketIfNotExists(bucketIndex)
		if err != nil {
			return err
		}
		pages, err := tx.CreateBucketIfNotExists(bucketPages)
		if err != nil {
			return err
		}
		sane := make(map[Key]entry)
		var bad [][]byte
		err = index.ForEach(func(k, v []byte) error {
			e, err := parseEntry(v)
			if err != nil || !bytes.Equal(k, e.key[:]) || pages.Bucket(k) == nil {
				bad = append(bad, bytes.Clone(k))
				return nil
			}
			sane[e.key] = e
			return nil
		})
		if err != nil {
			return err
		}
		entries = whole(sane)
		kept := make(map[Key]bool, len(entries))
		for _, e := range entries {
			kept[e.key] = true
		}
		for k := range sane {
			if !kept[k] {
				bad = append(bad, bytes.Clone(k[:]))
			}
		}
		damaged = int64(len(bad))
		err = pages.ForEachBucket(func(k []byte) error {
			if len(k) != len(Key{}) || index.Get(k) == nil {
				bad = append(bad, bytes.Clone(k))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, k := range bad {
			if err := removePage(tx, k); err != nil {
				return err
			}
		}
		return nil
	})
	return entries, damaged, err
}

// removeStrangers removes buckets that are not of this format.
func removeStrangers(tx *bbolt.Tx) error {
	var names [][]byte
	err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if !bytes.Equal(name, bucketIndex) && !bytes.Equal(name, bucketPages) {
			names = append(names, bytes.Clone(name))
		}
		return nil
	})
	for _, name := range names {
		err = errors.Join(err, tx.DeleteBucket(name))
	}
	return err
}

// whole returns those entries that have all pages before them, each page before those after it.
func whole(all map[Key]entry) []entry {
	byPosition := slices.SortedFunc(maps.Values(all), func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.position, b.position), bytes.Compare(a.key[:], b.key[:]))
	})
	kept := make(map[Key]bool, len(all))
	return slices.DeleteFunc(byPosition, func(e entry) bool {
		if e.position == 0 {
			kept[e.key] = e.parent == e.identity.Root()
		} else if above := all[e.parent]; kept[e.parent] {
			kept[e.key] = above.position+PageTokens == e.position && above.identity == e.identity
		}
		return !kept[e.key]
	})
}

// compact writes the file anew, without what it wastes.
func (d *disk) compact() error {
	path := d.path + ".new"
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	db, err := openFile(path)
	if err != nil {
		return err
	}
	err = guard(func() error { return bbolt.Compact(db, d.db, maxBatch) })
	if err = errors.Join(err, db.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if err := errors.Join(d.close(), os.Rename(path, d.path), syncDir(filepath.Dir(d.path))); err != nil {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	return d.update(func(*bbolt.Tx) error { return nil }) // learns the new size
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// guard runs f, and makes errBroken of a panic or a bad memory access in it: bbolt maps its file
// and trusts what it finds there.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errBroken, r)
		}
	}()
	return f()
}
