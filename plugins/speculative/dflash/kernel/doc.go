// Package kernel has the arithmetic of a small transformer on one core: matrices of int8, attention
// over float32 keys and values, and the functions between.
//
// On CPUs with AVX-512 and VNNI it runs generated kernels (tools/dflash-kernels), elsewhere portable Go,
// which gives the same integers and, apart from rounding, the same floats, many times slower.
//
// The result for a vector never depends on which other vectors are computed beside it.
package kernel
