package drafter

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// ErrClosed is what calls of a closed session or attachment get, beside the sentinels of
// core/plugin/base.
var ErrClosed = errors.New("drafter session closed")

// errorMap carries the errors of drafters across the wires.
var errorMap = base.NewErrorMap(
	base.ErrorCode{Code: "drafter.closed", Status: codes.FailedPrecondition, Sentinel: ErrClosed},
)

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", field, base.ErrInvalid, fmt.Sprintf(format, args...))
}

// lied says what of a drafter's answer cannot be.
func lied(format string, args ...any) error {
	return fmt.Errorf("%w: %s", base.ErrLied, fmt.Sprintf(format, args...))
}
