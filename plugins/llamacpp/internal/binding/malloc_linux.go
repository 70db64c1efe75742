package binding

// #include <malloc.h>
// // Each decode step allocates and frees some megabytes. glibc would hand them back to the kernel and fault them in
// // again every time. In one arena: malloc_trim does not reach the top of others.
// static void keep_memory(void) {
//     mallopt(M_ARENA_MAX, 1);
//     mallopt(M_TRIM_THRESHOLD, 256 << 20);
//     mallopt(M_TOP_PAD, 8 << 20);
//     mallopt(M_MMAP_THRESHOLD, 32 << 20);
// }
import "C"

// keepMemory has the C library keep what steps free for the next step.
func keepMemory() { C.keep_memory() }

// ReleaseMemory gives back to the system what the C library has kept, as after a model was freed.
func ReleaseMemory() { C.malloc_trim(0) }
