package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Sentinels of the host, beside those of core/plugin/base.
var (
	ErrUnknown  = errors.New("unknown plugin")
	ErrChecksum = errors.New("checksum does not match")
	ErrStopped  = errors.New("plugin host stopped")
)

// DownError is the base.ErrPluginGone of a plugin that cannot be started now.
type DownError struct {
	Plugin string
	Retry  time.Time // when the host starts it again
	Cause  error     // of its last death or failed start
}

// Error says when to come back.
func (e *DownError) Error() string {
	return fmt.Sprintf("plugin %q is down and is started again in %v: %v",
		e.Plugin, max(0, time.Until(e.Retry)).Round(time.Millisecond), e.Cause)
}

// Unwrap makes it what its cause is, and errors.Is(err, base.ErrPluginGone) true.
func (e *DownError) Unwrap() []error { return []error{base.ErrPluginGone, e.Cause} }
