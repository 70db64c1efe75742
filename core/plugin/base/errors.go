package base

import (
	"errors"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
)

// Sentinels that any kind of plugin may return. They keep their identity across the wire.
var (
	ErrPluginGone  = fault.ErrPluginGone  // its process died or hangs; a later call may find it restarted
	ErrBusy        = fault.ErrBusy        // full for now; retry later
	ErrInvalid     = fault.ErrInvalid     // the caller's fault; the message names the field
	ErrUnsupported = fault.ErrUnsupported // this plugin or build cannot do it
	ErrCorrupt     = fault.ErrCorrupt     // bytes that fail their checksum or format
	ErrExists      = fault.ErrExists      //
	ErrOutOfMemory = fault.ErrOutOfMemory //
)

// Sentinels of who has found a plugin out: its caller, which cannot rely on it any more. The host stops
// such a plugin.
var (
	ErrHung = errors.New("it hangs")               // in the time that the call may take
	ErrLied = errors.New("it breaks its contract") // its answer cannot be one
)

// ErrMessageSize is a message that was too large for the wire, see MaxMessage. It does not cross the wire.
var ErrMessageSize = errors.New("message too large")
