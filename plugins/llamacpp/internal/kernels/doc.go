// Package kernels computes two of ggml's CPU operations in other ways: faster, and so that a token's result
// does not depend on what else is computed with it.
//
// # Attention
//
// ggml's flash attention of the release that we build on handles one query row at a time and adds up values in f16.
// Here queries and cells are tiled, each tile of keys and values serves all query heads of a KV head, and cells that a
// tile's tokens do not see cost nothing, wherever they lie in the cache.
//
// The sums are exact, so the order of the cells does not matter: a sequence attends to the same bits alone and in a batch,
// in steps of one token and of five hundred, in fresh cells and in restored ones. That takes no more than rounding what
// is added up to fixed grids:
//
//	p = exp(s - max s), at most 1, in multiples of 2^-23
//	v, in multiples of 2^-20: what is lost is below the f16's own rounding from 2^-9 up, and 5e-7 below that
//
// Products are then multiples of 2^-43, and a float64 adds up multiples of 2^-43 without rounding while the sum is below
// 2^10. (A larger sum is right, but its last bits may depend on the order.)
//
// # Product
//
// ggml multiplies Q4_1 weights with activations one row and one activation at a time, and unpacks the row anew for each
// activation. This kernel unpacks a row once for several, which makes reading a prompt and decoding many streams
// together about twice as fast. Each result comes of the same operations in the same order, however many there are.
//
// # Rows
//
// Before rows are written, keys and values into the cache above all, whoever hooks in can look at them and change them
// (HookRows). ggml has a callback for that, but to call it the graph is cut. Where every layer is looked at, cutting it and
// calling Go took an eighth of the time of a small model's token; a hook in C takes nothing that can be measured.
//
// # Where they stand
//
// They are linked in by the linker's --wrap on Linux and amd64 with AVX2. What they do not know (ALiBi, soft caps, sinks;
// other types of weights) and every other machine goes to ggml's own. Importing the package is all it takes.
package kernels
