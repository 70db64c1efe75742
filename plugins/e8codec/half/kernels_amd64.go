//go:build !purego

package half

import "golang.org/x/sys/cpu"

//go:generate go -C ../asm run . -kernels half -pkg half -out ../half/kernels_amd64.s -stubs ../half/stubs_amd64.go

// Every processor with AVX2 has F16C.
var useF16C = cpu.X86.HasAVX2

// fromFloat16s converts as many elements as the kernel can and answers with their number.
func fromFloat16s(dst []float32, src []uint16) int {
	n := len(dst) &^ 7
	if !useF16C || n == 0 {
		return 0
	}
	_ = src[n-1]
	fromFloat16F16C(&dst[0], &src[0], n)
	return n
}

// toFloat16s is the way back.
func toFloat16s(dst []uint16, src []float32) int {
	n := len(dst) &^ 7
	if !useF16C || n == 0 {
		return 0
	}
	_ = src[n-1]
	toFloat16F16C(&dst[0], &src[0], n)
	return n
}
