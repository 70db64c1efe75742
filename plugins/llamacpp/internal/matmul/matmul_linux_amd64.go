package matmul

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -Wl,--wrap=llamafile_sgemm
// #include "matmul.h"
import "C"

// Enable switches the kernel on or off for the whole process, for measurements. It is on at start.
func Enable(on bool) { C.kakeya_matmul_enable(C.bool(on)) }

// Calls counts the products that the kernel has computed.
func Calls() int64 { return int64(C.kakeya_matmul_calls()) }
