package backend

import (
	"errors"
	"fmt"
)

// Sentinels of backends, beside those of core/plugin/base.
var (
	ErrModelNotLoaded = errors.New("model not loaded")
	ErrModelFile      = errors.New("cannot read model file")
	ErrContextFull    = errors.New("context full")
)

// ContextFullError is the ErrContextFull of a request whose prompt does not fit.
type ContextFullError struct {
	Requested int // tokens that the request needs: its prompt and one more
	Available int // tokens that a request may have
}

// Error says the two sizes. Clients look for its words; do not change them.
func (e *ContextFullError) Error() string {
	return fmt.Sprintf("the request exceeds the available context size: %d tokens asked, %d available", e.Requested, e.Available)
}

// Is makes errors.Is(err, ErrContextFull) true.
func (e *ContextFullError) Is(target error) bool { return target == ErrContextFull }
