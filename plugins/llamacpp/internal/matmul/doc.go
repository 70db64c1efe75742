// Package matmul multiplies Q4_1 weights with activations on the CPU, in place of ggml's dot products.
//
// ggml computes such a product one weight row and one activation at a time, and unpacks the row anew for each
// activation. This kernel unpacks a row once for several activations, which makes reading a prompt and decoding many
// streams together about twice as fast. Each result is computed by the same operations in the same order, however
// many activations there are: a token's output does not depend on what else is in the batch.
//
// It stands where ggml asks for llamafile's matrix product, by the linker's --wrap on Linux and amd64 with AVX2; all
// other types and machines go on to that. Importing the package is all it takes.
package matmul
