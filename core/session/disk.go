package session

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The file has two buckets. Their names carry the format: a file with others is emptied.
//
//	index: key -> entry
//	pages: key -> bucket { value -> record }
//
// A page has a bucket of its own, because bbolt rewrites a leaf's values together, and pages are
// large: side by side they would be written six times.
var (
	bucketIndex = []byte("index/1")
	bucketPages = []byte("pages/1")
	keyRecord   = []byte("p")
)

const (
	fileName = "pages.db"
	blockLen = 4096    // what the file is made of
	growth   = 1 << 20 // steps in which it grows
	maxBatch = 16 << 20

	// lockWait is how long Open waits for another process to leave the directory.
	lockWait = time.Second
)

// disk is a backing in a bbolt file.
type disk struct {
	path   string
	budget int64
	log    *slog.Logger
	high   atomic.Int64 // bytes of the file that were ever used

	mu    sync.RWMutex // guards the next two; held for reading as db is used
	db    *bbolt.DB
	stuck bool // db cannot be closed: it broke with its lock held
}

// openDisk opens or makes the file and returns what is in it. damaged counts pages that could not
// be read, or is 1 for a whole file that could not.
func openDisk(dir string, budget int64, log *slog.Logger) (d *disk, entries []entry, damaged int64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, 0, err
	}
	d = &disk{path: filepath.Join(dir, fileName), budget: budget, log: log}
	entries, damaged, err = d.load()
	if errors.Is(err, errBroken) {
		log.Error("page store: the file is damaged; it is made anew", "path", d.path, "err", err)
		damaged = 1
		err = d.reset()
	}
	if err != nil {
		return nil, nil, 0, errors.Join(err, d.close())
	}
	return d, entries, damaged, nil
}

// load opens the file, puts it in order and lists its pages.
func (d *disk) load() ([]entry, int64, error) {
	if err := d.open(); err != nil {
		return nil, 0, err
	}
	entries, damaged, err := d.sweep()
	if err != nil {
		return nil, 0, err
	}
	var live int64
	for i := range entries {
		live += d.cost(&entries[i])
	}
	if waste := d.high.Load() - live; waste > max(compactAbove, live) {
		if err := d.compact(); err != nil {
			return nil, 0, err
		}
	}
	return entries, damaged, nil
}

func (d *disk) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	db, err := openFile(d.path)
	if err != nil {
		return err
	}
	d.db, d.stuck = db, false
	return nil
}

func openFile(path string) (db *bbolt.DB, err error) {
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockWait,
			// The list of free pages is kept in the file: to find them anew, bbolt walks the whole
			// tree in a goroutine of its own, where damage is the end of the process.
			NoFreelistSync: false,
			FreelistType:   bbolt.FreelistMapType,
			PageSize:       blockLen, // on every machine
		})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", filepath.Dir(path), ErrInUse)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%s: %w: %w", path, errBroken, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	db.AllocSize = growth
	return db, nil
}

func (d *disk) commit(b batch) error {
	return d.update(func(tx *bbolt.Tx) error {
		pages, index := tx.Bucket(bucketPages), tx.Bucket(bucketIndex)
		if pages == nil || index == nil {
			return errors.New("a bucket is missing")
		}
		for _, k := range b.remove {
			if err := removePage(tx, k[:]); err != nil {
				return err
			}
		}
		for _, r := range b.put {
			k := r.key()
			page, err := pages.CreateBucketIfNotExists(k[:])
			if err != nil {
				return err
			}
			if err := page.Put(keyRecord, r.append(nil)); err != nil {
				return err
			}
		}
		for _, e := range b.index {
			if err := index.Put(e.key[:], e.append(nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// removePage removes a page, if it is there, and its entry.
func removePage(tx *bbolt.Tx, k []byte) error {
	pages, index := tx.Bucket(bucketPages), tx.Bucket(bucketIndex)
	if page := pages.Bucket(k); page != nil {
		if err := checkBlocks(tx, page); err != nil {
			return err
		}
		if err := pages.DeleteBucket(k); err != nil {
			return err
		}
	}
	return index.Delete(k)
}

// checkBlocks checks that a page lies on as many blocks as its record needs. Bbolt would free as
// many as it finds there, be it billions.
func checkBlocks(tx *bbolt.Tx, page *bbolt.Bucket) error {
	root := page.RootPage()
	if root == 0 {
		return nil // so small that it lies among others
	}
	info, err := tx.Page(int(root))
	if err != nil {
		return err
	}
	size := tx.DB().Info().PageSize
	need := blockHeader + elementHeader + len(keyRecord) + len(page.Get(keyRecord))
	if info == nil || info.Type != "leaf" || info.Count != 1 || info.OverflowCount != (need-1)/size {
		return fmt.Errorf("block %d is not a page's", root)
	}
	return nil
}

// What bbolt puts before one value, in bytes.
const (
	blockHeader   = 16
	elementHeader = 16
)

func (d *disk) read(key Key) (data []byte, err error) {
	err = d.view(func(tx *bbolt.Tx) error {
		var raw []byte
		if pages := tx.Bucket(bucketPages); pages != nil {
			if page := pages.Bucket(key[:]); page != nil {
				raw = page.Get(keyRecord)
			}
		}
		if raw == nil {
			return errAbsent
		}
		r, err := parseRecord(raw)
		if err != nil {
			return err
		}
		if r.key() != key || r.position == 0 && r.parent != r.identity.Root() {
			return fmt.Errorf("%w: it is another page", ErrDamaged)
		}
		data = bytes.Clone(r.data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("page %v: %w", key, err)
	}
	return data, nil
}

// update runs f in a transaction and commits it. An error of f is errBroken: it reads memory, and
// only finds fault with what is there.
func (d *disk) update(f func(*bbolt.Tx) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.db == nil {
		return fmt.Errorf("%w: it is closed", errBroken)
	}
	var tx *bbolt.Tx
	err := guard(func() (err error) {
		tx, err = d.db.Begin(true)
		return err
	})
	if err != nil {
		d.stuck = errors.Is(err, errBroken)
		return err
	}
	var size int64
	err = guard(func() error {
		if err := f(tx); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
		if err := tx.Commit(); err != nil {
			if errors.Is(err, syscall.EFBIG) { // a free block that no file could have
				err = fmt.Errorf("%w: %w", errBroken, err)
			}
			return err
		}
		return d.db.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	})
	if err == nil {
		d.high.Store(size)
		return nil
	}
	if back := guard(tx.Rollback); back != nil && !errors.Is(back, bolterrors.ErrTxClosed) {
		d.stuck = true // only this goroutine closes or replaces it
		err = fmt.Errorf("%w: %w", errBroken, errors.Join(err, back))
	}
	return err
}

func (d *disk) view(f func(*bbolt.Tx) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.db == nil {
		return errAbsent
	}
	return guard(func() error { return d.db.View(f) })
}

// cost counts whole blocks, and one for the entry and the branches above.
func (d *disk) cost(e *entry) int64 {
	return (int64(e.size)+recordOverhead+blockLen-1)/blockLen*blockLen + blockLen
}

const recordOverhead = 4*PageTokens + 256

// room is less than the budget when the file has outgrown it: then the pages have to leave more of
// the file free.
func (d *disk) room() int64 {
	if high := d.high.Load(); high > d.budget {
		return int64(float64(d.budget) / float64(high) * float64(d.budget))
	}
	return d.budget
}

func (d *disk) batch() int64 { return min(maxBatch, d.budget/16) }

func (d *disk) size() int64 {
	info, err := os.Stat(d.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// reset closes the file, removes it and makes a new one.
func (d *disk) reset() error {
	if err := d.close(); err != nil {
		d.log.Warn("page store: closing the damaged file", "path", d.path, "err", err)
	}
	if err := os.Remove(d.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	_, _, err := d.sweep()
	return err
}

func (d *disk) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	db := d.db
	d.db = nil
	if db == nil || d.stuck {
		return nil
	}
	return guard(db.Close)
}
