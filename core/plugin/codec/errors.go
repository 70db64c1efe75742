package codec

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Sentinels of codecs, beside those of core/plugin/base.
var (
	ErrClosed    = errors.New("codec stream closed")
	ErrNonFinite = errors.New("not finite") // see NonFiniteError
)

// NonFiniteError is the ErrNonFinite, and ErrInvalid, of a vector with an element that is infinite
// or not a number.
type NonFiniteError struct {
	Vectors int // which of the call's
	Token   int // of these
	Head    int
}

// Error names the vector.
func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("vectors[%d]: token %d, head %d: an element is infinite or not a number", e.Vectors, e.Token, e.Head)
}

// Is makes errors.Is true for ErrNonFinite and base.ErrInvalid.
func (e *NonFiniteError) Is(target error) bool {
	return target == ErrNonFinite || target == base.ErrInvalid
}

// errorMap carries the errors of codecs across the wires.
var errorMap = base.NewErrorMap(
	base.ErrorCode{Code: "codec.closed", Status: codes.FailedPrecondition, Sentinel: ErrClosed},
	base.ErrorCode{
		Code: "codec.non_finite", Status: codes.InvalidArgument, Sentinel: ErrNonFinite,
		Fields: nonFiniteFields, Typed: nonFiniteTyped,
	},
)

func nonFiniteFields(err error) (map[string]string, bool) {
	var e *NonFiniteError
	if !errors.As(err, &e) {
		return nil, false
	}
	return map[string]string{
		"vectors": strconv.Itoa(e.Vectors),
		"token":   strconv.Itoa(e.Token),
		"head":    strconv.Itoa(e.Head),
	}, true
}

func nonFiniteTyped(fields map[string]string) (error, bool) {
	e := &NonFiniteError{}
	for name, value := range map[string]*int{"vectors": &e.Vectors, "token": &e.Token, "head": &e.Head} {
		n, err := strconv.Atoi(fields[name])
		if err != nil {
			return nil, false
		}
		*value = n
	}
	return e, true
}
