// Package codec is the E8 and D4 codec as the contract of core/plugin/codec has it, over the
// packages lattice, entropy and frame.
//
// # Parameters
//
//	variant  e8 or d4; by default the name of the plugin
//	q        1 to 255, by default 38
//	coding   pages (entropy coded, the default) or fixed (every vector of equal size)
//	scaling  box (the default), vector or head, see frame.Scaling; fixed knows only box
//	compat   "" or reference: what the Python package kakeyalattice computes, faults included
//
// # Frames
//
// All integers are little-endian.
//
//	0   4  magic "KVP8"
//	4   1  version, 1
//	5   1  variant: 1 e8, 2 d4
//	6   1  Q
//	7   1  coding: 1 fixed, 2 pages; plus 128 for compat
//	8   1  element type that was packed: 1 f32, 2 f16, 3 bf16
//	9   1  scaling: 0 box, 1 vector, 2 head
//	10  2  head_dim
//	12  4  kv_heads
//	16  4  layers
//	20  4  number of Vectors
//	24  4  CRC-32C of bytes 0..23 and of all that follows this field
//	28     for each Vectors three uvarints: 2·layer, plus 1 for values; pos; tokens
//	       then for each of them in turn its payload, see package frame
//
// The format of a stream is variant, q, scaling and compat: what decoding depends on. Streams that
// differ in coding read each other's frames, and decode equal vectors from them.
package codec
