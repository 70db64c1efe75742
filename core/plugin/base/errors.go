package base

import "github.com/kakeyad/kakeyad/core/plugin/fault"

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
