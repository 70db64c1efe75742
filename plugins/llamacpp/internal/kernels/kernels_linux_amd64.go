package kernels

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -Wl,--wrap=ggml_compute_forward_flash_attn_ext -Wl,--wrap=llamafile_sgemm
// #include "op.h"
import "C"

// Kernel is one of the operations.
type Kernel int

// The operations.
const (
	Attention Kernel = C.KAKEYA_ATTENTION
	Product   Kernel = C.KAKEYA_PRODUCT
)

// Exact says whether a token's logits do not depend on what is computed beside it: whether this machine has the kernels.
func Exact() bool { return C.KAKEYA_EXACT != 0 }

// Enable switches a kernel on or off for the whole process, for measurements. All are on at start.
func (k Kernel) Enable(on bool) { C.kakeya_kernel_enable(C.int(k), C.bool(on)) }

// Calls counts the operations that a kernel has computed.
func (k Kernel) Calls() int64 { return int64(C.kakeya_kernel_calls(C.int(k))) }
