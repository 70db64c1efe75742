// Package lattice quantises vectors of a KV cache to points of E8 or D4.
//
// A vector x of head_dim elements is rotated by an orthonormal, symmetric R, divided by a step and
// cut into blocks of 8 (E8) or 4 (D4); each block becomes the nearest point of the lattice
// (Conway and Sloane, "Fast quantizing and decoding algorithms for lattice quantizers and codes",
// 1982). What is kept is the integer point and one 16-bit scale:
//
//	x̂ = step · (z · R)    z in the lattice, R · R = 1
//
// # Lattices
//
// D_n is the integer points with an even sum. E8 = D8 ∪ (D8 + ½): each block is all integers or
// all halves. Codes hold twice the coordinate, so that both cosets are integers; the coset of a
// block is the lowest bit of any of its codes.
//
// # Tiles
//
// Work is done on tiles of 64 coordinates: eight groups of 8, stored coordinate-major, so that one
// SIMD lane holds one group. Coordinate j of group b is at position 8*j+b. A vector whose length
// is not a multiple of 64 is padded with zeros, which are never stored.
//
// # Same bits everywhere
//
// The SIMD kernels and the portable ones do the same float32 operations in the same order and
// neither fuses a multiplication with an addition, so their results are equal bit for bit.
package lattice
