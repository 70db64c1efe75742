package backend

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Sentinels of backends, beside those of core/plugin/base.
var (
	ErrModelNotLoaded = errors.New("model not loaded")
	ErrModelFile      = errors.New("cannot read model file")
	ErrContextFull    = errors.New("context full")
	ErrDrafter        = errors.New("the drafter cannot be attached") // of LoadModel
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

// errorMap carries the errors of backends across the wire.
var errorMap = base.NewErrorMap(
	base.ErrorCode{Code: "backend.model_not_loaded", Status: codes.NotFound, Sentinel: ErrModelNotLoaded},
	base.ErrorCode{Code: "backend.model_file", Status: codes.FailedPrecondition, Sentinel: ErrModelFile},
	base.ErrorCode{
		Code: "backend.context_full", Status: codes.OutOfRange, Sentinel: ErrContextFull,
		Fields: contextFullFields, Typed: contextFullTyped,
	},
	base.ErrorCode{Code: "backend.drafter", Status: codes.FailedPrecondition, Sentinel: ErrDrafter},
	base.ErrorCode{
		Code: "backend.page", Status: codes.DataLoss, Sentinel: ErrPage,
		Fields: pageFields, Typed: pageTyped,
	},
)

func contextFullFields(err error) (map[string]string, bool) {
	var e *ContextFullError
	if !errors.As(err, &e) {
		return nil, false
	}
	return map[string]string{
		"requested": strconv.Itoa(e.Requested),
		"available": strconv.Itoa(e.Available),
	}, true
}

func contextFullTyped(fields map[string]string) (error, bool) {
	requested, noRequest := strconv.Atoi(fields["requested"])
	available, noSpace := strconv.Atoi(fields["available"])
	return &ContextFullError{Requested: requested, Available: available}, noRequest == nil && noSpace == nil
}
