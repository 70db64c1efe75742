package session

import (
	"fmt"
	"sync"
)

// backing is where pages are kept. One goroutine calls commit and reset, many call read.
type backing interface {
	// commit makes changes, in this order: removals (of pages that may be absent), pages, entries.
	// All of them or none. It returns when they would outlive the process. errBroken: reset it.
	commit(b batch) error

	// read returns the data of a page, which nobody changes any more. errAbsent, ErrDamaged,
	// errBroken.
	read(key Key) ([]byte, error)

	// cost is what a page of this entry takes of the budget, in bytes.
	cost(e *entry) int64

	// room is the bytes that pages may cost together, now; batch how many one commit should write.
	room() int64
	batch() int64

	// size is the bytes that the backing takes.
	size() int64

	// reset forgets all pages.
	reset() error
	close() error
}

// batch is what one commit changes.
type batch struct {
	remove []Key
	put    []*record
	index  []entry // of what is put, and of pages that were used since
}

// memory is the backing of a store without a directory.
type memory struct {
	budget int64

	mu    sync.RWMutex
	pages map[Key][]byte
	bytes int64
}

// memoryOverhead is about what a page costs besides its data.
const memoryOverhead = 512

func newMemory(budget int64) *memory {
	return &memory{budget: budget, pages: make(map[Key][]byte)}
}

func (m *memory) commit(b batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range b.remove {
		m.bytes -= int64(len(m.pages[k]))
		delete(m.pages, k)
	}
	for _, r := range b.put {
		m.bytes += int64(len(r.data))
		m.pages[r.key()] = r.data
	}
	return nil
}

func (m *memory) read(key Key) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, ok := m.pages[key]
	if !ok {
		return nil, fmt.Errorf("page %v: %w", key, errAbsent)
	}
	return data, nil
}

func (m *memory) cost(e *entry) int64 { return int64(e.size) + memoryOverhead }
func (m *memory) room() int64         { return m.budget }
func (m *memory) batch() int64        { return maxData }

func (m *memory) size() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.bytes
}

func (m *memory) reset() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.pages)
	m.bytes = 0
	return nil
}

func (m *memory) close() error { return m.reset() }
