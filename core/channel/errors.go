package channel

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels of composition and resolution.
var (
	ErrUnknown = errors.New("unknown model")
	ErrRefused = errors.New("refused")
)

// Error is one thing wrong with the input of Compose.
type Error struct {
	Key []string // where, from the top of the configuration: "channels", name, "codec", "q"
	Err error
}

// Error names the key and what is wrong with it.
func (e *Error) Error() string { return strings.Join(e.Key, ".") + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// UnknownError is returned for a name that stands for no channel.
type UnknownError struct {
	Name    string
	Nearest []string // names of channels and aliases that may have been meant
	Reason  error    // why the name, which is an id, cannot be composed; nil when it is no id of ours
}

// Error says what was asked for, why it is not there and what may have been meant.
func (e *UnknownError) Error() string {
	name := e.Name
	if len(name) > 2*MaxShort {
		name = name[:2*MaxShort] + "..."
	}
	text := fmt.Sprintf("%v %q", ErrUnknown, name)
	if e.Reason != nil {
		return text + ": " + e.Reason.Error()
	}
	return text + didYouMean(e.Nearest)
}

// Is makes errors.Is(err, ErrUnknown) true.
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// Unwrap returns the reason.
func (e *UnknownError) Unwrap() error { return e.Reason }

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return "; did you mean " + strings.Join(quoted, " or ") + "?"
}
