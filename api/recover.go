package api

import (
	"fmt"
	"runtime/debug"
)

// panicError is a panic of a handler or of a generation.
type panicError struct {
	value any
	stack []byte
}

// Error is what a client may see: nothing of the inside.
func (e *panicError) Error() string { return "internal error" }

// recovered runs f and turns a panic into a *panicError.
func recovered(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

func (e *panicError) String() string { return fmt.Sprint(e.value) }
