package pool

import (
	"errors"
	"fmt"
)

// Sentinels of the pool. What a Loader returns is wrapped and keeps its identity.
var (
	ErrClosed    = errors.New("pool closed")
	ErrNotLoaded = errors.New("not loaded")
	ErrTooLarge  = errors.New("too large for the budget")
	ErrDied      = errors.New("died as it was loaded")
	ErrNoRoom    = errors.New("no room to spare")
)

// TooLargeError is the ErrTooLarge of a thing that can never be loaded: it needs more than the
// budget, less what is pinned.
type TooLargeError struct {
	Key    string
	Bytes  int64 // that it needs
	Budget int64
	Pinned int64 // bytes of the budget that other, pinned things hold
}

// Error says the sizes.
func (e *TooLargeError) Error() string {
	s := fmt.Sprintf("%q needs %s, the memory budget is %s", e.Key, size(e.Bytes), size(e.Budget))
	if e.Pinned > 0 {
		s += fmt.Sprintf(", of which %s is pinned", size(e.Pinned))
	}
	return s
}

// Is makes errors.Is(err, ErrTooLarge) true.
func (e *TooLargeError) Is(target error) bool { return target == ErrTooLarge }

// size prints bytes for people: the number with three digits or so, and exact below 1 KiB.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n)/(1<<10), 0
	for f >= 1<<10 && unit < len(units)-1 {
		f /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.3g %ciB", f, units[unit])
}
