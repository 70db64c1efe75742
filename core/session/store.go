package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"golang.org/x/sync/singleflight"
)

// Options of a Store. The zero value is a store in memory.
type Options struct {
	Dir        string        // of the disk tier, made if need be; "": pages are kept in memory alone
	RAMBytes   int64         // 0: DefaultRAM; negative: no RAM tier, which needs a Dir
	DiskBytes  int64         // 0: DefaultDisk
	QueueBytes int64         // of pages that wait to be written, in memory besides RAMBytes; 0: DefaultQueue
	TTL        time.Duration // pages that were not used for so long are dropped; 0: never
	Logger     *slog.Logger  // nil: slog.Default()
}

// What 0 in Options stands for, in bytes.
const (
	DefaultRAM   = 1 << 30
	DefaultDisk  = 16 << 30
	DefaultQueue = 128 << 20
)

// Store keeps packed pages. Its methods are safe for concurrent use.
type Store struct {
	options Options
	log     *slog.Logger
	back    backing
	ram     *ristretto.Cache[uint64, []byte] // nil: none
	reads   singleflight.Group
	writer  sync.WaitGroup
	wake    chan struct{} // tells the writer of work

	life   sync.RWMutex // held for reading as back or ram is read
	mu     sync.Mutex   // guards the rest
	index  *index
	queue  []*node            // to be written, first come first; some may be gone
	queued int64              // bytes of their data, and of what is being written
	doomed map[Key]struct{}   // to be removed from the backing
	used   map[*node]struct{} // whose use is to be written
	broken bool               // the backing asks for a reset
	closed bool               // takes no more
	shut   bool               // and everything is written
	counts Counts
	failed error     // of the last commit that failed
	told   int64     // of counts.WriteFailures, what a Flush has answered with
	retry  time.Time // when removals that failed are tried again

	queuedN, writtenN int64         // pages put in the queue, and of those the ones settled
	begun, done       uint64        // commits
	asked             uint64        // a commit that must be made even if there is nothing to write
	changed           chan struct{} // closed and replaced when a commit was settled
}

// Open opens or makes the store. It must be closed.
//
// What is damaged on disk is dropped, counted and logged; it is not an error. Errors: ErrInvalid
// for options, ErrInUse, and those of the file system.
func Open(o Options) (*Store, error) {
	if o.DiskBytes < 0 || o.QueueBytes < 0 || o.TTL < 0 || o.RAMBytes < 0 && o.Dir == "" {
		return nil, fmt.Errorf("page store: %w: options must not be negative", ErrInvalid)
	}
	o.RAMBytes = cmp.Or(o.RAMBytes, DefaultRAM)
	o.DiskBytes = cmp.Or(o.DiskBytes, DefaultDisk)
	o.QueueBytes = cmp.Or(o.QueueBytes, DefaultQueue)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	s := &Store{
		options: o,
		log:     o.Logger,
		wake:    make(chan struct{}, 1),
		index:   newIndex(),
		doomed:  make(map[Key]struct{}),
		used:    make(map[*node]struct{}),
		changed: make(chan struct{}),
	}
	if err := s.openTiers(); err != nil {
		return nil, fmt.Errorf("page store: %w", err)
	}
	s.writer.Go(s.write)
	return s, nil
}

func (s *Store) openTiers() error {
	if s.options.Dir == "" {
		s.back = newMemory(s.options.RAMBytes)
		return nil
	}
	if s.options.RAMBytes > 0 {
		ram, err := newRAM(s.options.RAMBytes)
		if err != nil {
			return err
		}
		s.ram = ram
	}
	back, entries, damaged, err := openDisk(s.options.Dir, s.options.DiskBytes, s.log)
	if err != nil {
		s.ram.Close()
		return err
	}
	s.back, s.counts.Damaged = back, damaged
	s.restore(entries)
	return nil
}

// restore fills the index with what the disk has, each page after the one before it.
func (s *Store) restore(entries []entry) {
	nodes := make([]*node, 0, len(entries))
	for _, e := range entries {
		n := s.index.add(e, s.index.nodes[e.parent])
		s.index.admit(n, s.back.cost(&e))
		s.index.settle(n)
		nodes = append(nodes, n)
	}
	slices.SortStableFunc(nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.entry.used, b.entry.used), cmp.Compare(b.position, a.position))
	})
	for _, n := range nodes {
		s.index.use(n)
	}
}

// Flush waits until everything that was put, dropped or looked up before is on disk. Its error is
// that of a write that failed since the last Flush that told of one (or since Open), so that no
// failure goes unheard; the pages of that write are dropped. ErrClosed, the context's cause.
func (s *Store) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.flush(ctx, s.told)
	if s.failed != nil && errors.Is(err, s.failed) {
		s.told = s.counts.WriteFailures
	}
	return err
}

// flush is Flush, with the count of failures that are not its own.
func (s *Store) flush(ctx context.Context, failures int64) error {
	pages, commit := s.queuedN, s.begun+1
	s.asked = max(s.asked, commit)
	s.poke()
	for {
		switch {
		case s.counts.WriteFailures > failures:
			return fmt.Errorf("flush page store: %w", s.failed)
		case s.writtenN >= pages && s.done >= commit:
			return nil
		case s.shut:
			return ErrClosed
		case ctx.Err() != nil:
			return fmt.Errorf("flush page store: %w", context.Cause(ctx))
		}
		s.wait(ctx)
	}
}

// Close writes what is queued and closes the store. Prefixes may be released after it, but give no
// pages any more. Its error is that of the last write, if that failed. Calls after the first do
// nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.writer.Wait()
		return nil
	}
	s.closed = true
	failures := s.counts.WriteFailures
	s.asked = max(s.asked, s.begun+1)
	s.tell()
	s.poke()
	s.mu.Unlock()
	s.writer.Wait()

	s.life.Lock()
	defer s.life.Unlock()
	s.ram.Close()
	err := s.back.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts.WriteFailures > failures {
		err = errors.Join(err, s.failed)
	}
	if err != nil {
		return fmt.Errorf("close page store: %w", err)
	}
	return nil
}

// wait unlocks the store until something was written or the context has ended.
func (s *Store) wait(ctx context.Context) {
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// tell wakes all who wait.
func (s *Store) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// poke wakes the writer.
func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
