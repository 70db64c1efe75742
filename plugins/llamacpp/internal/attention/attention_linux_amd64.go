package attention

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -Wl,--wrap=ggml_compute_forward_flash_attn_ext
// #include "tiled.h"
import "C"

// Enable switches the kernel on or off for the whole process, for measurements. It is on at start.
func Enable(on bool) { C.kakeya_attention_enable(C.bool(on)) }

// Calls counts the operations that the kernel has computed.
func Calls() int64 { return int64(C.kakeya_attention_calls()) }
