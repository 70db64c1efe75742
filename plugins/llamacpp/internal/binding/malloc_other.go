//go:build !linux

package binding

// keepMemory does nothing where the C library's allocator is not glibc's.
func keepMemory() {}
