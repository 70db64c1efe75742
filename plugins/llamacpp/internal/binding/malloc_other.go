//go:build !linux

package binding

// keepMemory does nothing where the C library's allocator is not glibc's.
func keepMemory() {}

// ReleaseMemory does nothing here: the C library gives back what was freed.
func ReleaseMemory() {}
