package device

/*
#include <malloc.h>
*/
import "C"

import "runtime/debug"

// Trim gives memory back to the system that compiling and reading weights have left with the allocators of C and of Go.
func Trim() {
	debug.FreeOSMemory()
	C.malloc_trim(0)
}
