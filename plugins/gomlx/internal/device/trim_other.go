//go:build !linux

package device

import "runtime/debug"

// Trim gives memory back to the system that reading weights has left with Go's allocator.
func Trim() { debug.FreeOSMemory() }
