// Package entropy stores lattice points in real bytes, two ways.
//
// [Fixed] numbers the points of the box: every vector takes the same number of bytes, and any one
// of them can be read without the others.
//
// [Pages] codes the points with a range asymmetric numeral system (Duda, 2013) under the discrete
// normal distribution on the lattice. Its width follows the data already coded, and what a lattice
// implies (the coset of a block after its first coordinate, the parity of the last) costs nothing.
//
// Both take and give the codes of package lattice, in its tiles.
package entropy
