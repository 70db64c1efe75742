package router

import (
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Sentinels of the router. Those of channel, pool, base and backend come through it unchanged.
var (
	ErrTimeout  = errors.New("the request took too long")
	ErrTemplate = errors.New("the model's chat template does not work")
	ErrClosed   = errors.New("shutting down")
	ErrLoad     = errors.New("the model cannot be loaded") // not the client's fault, whatever is wrapped besides
)

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
