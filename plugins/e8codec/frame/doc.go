// Package frame packs the K or V vectors of a layer, or of many, into bytes that describe
// themselves: codec, parameters and shape are in the header, and everything is under a checksum.
// A frame that is damaged, cut short or not one of ours is a fault.ErrCorrupt, never other vectors.
//
// All integers are little-endian.
//
//	0   4  magic "KVE8"
//	4   1  version, 2
//	5   1  variant: 1 e8, 2 d4
//	6   1  Q
//	7   1  coding: 1 fixed, 2 pages; plus 128 for compat
//	8   1  element type that was packed: 1 f32, 2 f16, 3 bf16
//	9   1  zero
//	10  2  head_dim
//	12  4  kv_heads
//	16  4  tokens
//	20  4  length of the payload
//	24  4  CRC-32C of bytes 0..23 and the payload
//	28     payload
//
// With coding fixed the payload is one record a vector (see entropy.Fixed), vectors in the order
// [tokens, kv_heads], so that vector i lies at i times the record's length.
//
// With coding pages it is one stream (see entropy.Pages) for every max(64, ⌊1024/kv_heads⌋)
// tokens, each preceded by its length in 4 bytes.
package frame
