package kernels

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -Wl,--wrap=ggml_compute_forward_flash_attn_ext -Wl,--wrap=llamafile_sgemm -Wl,--wrap=ggml_compute_forward_set_rows
// #include "op.h"
// #include "rows.h"
import "C"

import "unsafe"

// Kernel is one of the operations.
type Kernel int

// The operations.
const (
	Attention Kernel = C.KAKEYA_ATTENTION
	Product   Kernel = C.KAKEYA_PRODUCT
	Rows      Kernel = C.KAKEYA_ROWS // the calls of HookRows, not the writing of rows itself
)

// Exact says whether a token's logits do not depend on what is computed beside it: whether this machine has the kernels.
func Exact() bool { return C.KAKEYA_EXACT != 0 }

// Enable switches a kernel on or off for the whole process, for measurements. All are on at start.
func (k Kernel) Enable(on bool) { C.kakeya_kernel_enable(C.int(k), C.bool(on)) }

// Calls counts the operations that a kernel has computed.
func (k Kernel) Calls() int64 { return int64(C.kakeya_kernel_calls(C.int(k))) }

// HookRows shows every node that writes rows, such as keys and values into a cache, to two functions of C: see rows.h.
func HookRows(wants, call unsafe.Pointer) {
	C.kakeya_rows_hook(C.kakeya_rows_wants(wants), C.kakeya_rows_call(call))
}
