package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Sentinels of the router. Those of channel, pool, base and backend come through it unchanged.
var (
	ErrTimeout         = errors.New("the request took too long")
	ErrTemplate        = errors.New("the model's chat template does not work")
	ErrClosed          = errors.New("shutting down")
	ErrPreempted error = preempted{}                              // a spare call made way; it is a context.Canceled
	ErrLoad            = errors.New("the model cannot be loaded") // not the client's fault, whatever is wrapped besides
)

// preempted is ErrPreempted.
type preempted struct{}

// Error says why.
func (preempted) Error() string { return "given up for a request that somebody waits for" }

// Is makes errors.Is(err, context.Canceled) true.
func (preempted) Is(target error) bool { return target == context.Canceled }

// LoadError is the ErrLoad of a model, and what it was that failed.
type LoadError struct{ Cause error }

// Error says what failed.
func (e *LoadError) Error() string { return ErrLoad.Error() + ": " + e.Cause.Error() }

// Unwrap makes errors.Is(err, ErrLoad) true.
func (e *LoadError) Unwrap() []error { return []error{ErrLoad, e.Cause} }

func loadError(format string, args ...any) error {
	return &LoadError{Cause: fmt.Errorf(format, args...)}
}

// FieldError is a base.ErrInvalid that knows the field of the request at fault.
type FieldError struct {
	Field       string // such as "messages"
	Reason      string
	Unsupported bool // it is a base.ErrUnsupported: the field is well, the model cannot do it
}

// Error says the reason alone: who shows it names the field in its own way.
func (e *FieldError) Error() string { return e.Reason }

// Is makes errors.Is true for base.ErrInvalid or base.ErrUnsupported.
func (e *FieldError) Is(target error) bool {
	if e.Unsupported {
		return target == base.ErrUnsupported
	}
	return target == base.ErrInvalid
}

// timeoutError is the ErrTimeout of a channel's limit.
func timeoutError(limit time.Duration) error {
	return fmt.Errorf("%w: the channel's limit is %v", ErrTimeout, limit)
}
