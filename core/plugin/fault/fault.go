// Package fault has the errors that any kind of plugin may return, alone: packages of pure mathematics return them
// without what a plugin's process needs. Package base has them under the same names.
package fault

import "errors"

// Sentinels. They keep their identity across the wire.
var (
	ErrPluginGone  = errors.New("plugin gone")      // its process died or hangs; a later call may find it restarted
	ErrBusy        = errors.New("busy")             // full for now; retry later
	ErrInvalid     = errors.New("invalid argument") // the caller's fault; the message names the field
	ErrUnsupported = errors.New("not supported")    // this plugin or build cannot do it
	ErrCorrupt     = errors.New("corrupt data")     // bytes that fail their checksum or format
	ErrExists      = errors.New("already exists")   //
	ErrOutOfMemory = errors.New("out of memory")    //
)
