package link

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// grain is what pieces of the arena are aligned to and a multiple of.
const grain = 64

// arena gives out pieces of a memory, first fit. It is safe for concurrent use.
type arena struct {
	size int

	mu      sync.Mutex
	free    []piece     // by place, no two adjacent
	used    map[int]int // place: bytes
	waiting int
	freed   chan struct{} // closed when something is given back and someone waits
}

type piece struct{ at, size int }

func newArena(size int) *arena {
	size -= size % grain
	return &arena{size: size, free: []piece{{0, size}}, used: make(map[int]int), freed: make(chan struct{})}
}

// take returns the place of n bytes. False: there is no room now.
func (a *arena) take(n int) (at int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.takeLocked(n)
}

func (a *arena) takeLocked(n int) (at int, ok bool) {
	if n < 0 || n > a.size {
		return 0, false
	}
	n = max(grain, (n+grain-1)/grain*grain)
	for i := range a.free {
		p := &a.free[i]
		if p.size < n {
			continue
		}
		at = p.at
		p.at, p.size = p.at+n, p.size-n
		if p.size == 0 {
			a.free = slices.Delete(a.free, i, i+1)
		}
		a.used[at] = n
		return at, true
	}
	return 0, false
}

// wait is take that waits for room. What can never fit is ErrInvalid.
func (a *arena) wait(ctx context.Context, n int, gone <-chan struct{}) (int, error) {
	if n > a.size {
		return 0, fmt.Errorf("shared memory: %w: %d bytes are needed at once, the link has %d", base.ErrInvalid, n, a.size)
	}
	for {
		a.mu.Lock()
		at, ok := a.takeLocked(n)
		freed := a.freed
		if !ok {
			a.waiting++
		}
		a.mu.Unlock()
		if ok {
			return at, nil
		}
		var err error
		select {
		case <-freed:
		case <-gone:
			err = fmt.Errorf("wait for shared memory: %w", base.ErrPluginGone)
		case <-ctx.Done():
			err = fmt.Errorf("wait for %d bytes of shared memory: %w", n, ctx.Err())
		}
		a.mu.Lock()
		a.waiting--
		a.mu.Unlock()
		if err != nil {
			return 0, err
		}
	}
}

// give takes a piece back. False: it was not given out.
func (a *arena) give(at int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, ok := a.used[at]
	if !ok {
		return false
	}
	delete(a.used, at)
	i, _ := slices.BinarySearchFunc(a.free, at, func(p piece, at int) int { return p.at - at })
	a.free = slices.Insert(a.free, i, piece{at, n})
	if i+1 < len(a.free) && a.free[i].at+a.free[i].size == a.free[i+1].at {
		a.free[i].size += a.free[i+1].size
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].at+a.free[i-1].size == a.free[i].at {
		a.free[i-1].size += a.free[i].size
		a.free = slices.Delete(a.free, i, i+1)
	}
	if a.waiting > 0 {
		close(a.freed)
		a.freed = make(chan struct{})
	}
	return true
}
