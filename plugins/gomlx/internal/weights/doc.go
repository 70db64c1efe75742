// Package weights reads the tensors and the metadata of GGUF model files and turns quantised numbers
// into 32-bit ones.
//
// The file's structure is read by ollama's package fs/gguf, after core/gguf has found the file
// whole. What the bits of a block mean is llama.cpp's: block_q4_0 and the like in ggml-common.h, and
// dequantize_row_q4_0 and the like in ggml-quants.c. Products and sums are taken in the order that gguf-py takes
// them in, so that the numbers are equal to the bit.
package weights
