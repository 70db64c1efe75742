// Package demo computes what the codec page shows (api/web/codec.html): vectors, their rotation, the lattice points
// next to it, the error, and the real bits and errors of the codec beside those of scalar formats. Everything is of
// the codec's own packages; nothing is computed a second time for the page. kakeya-codec-wasm is the program for
// browsers.
//
// Bits are of whole frames and records, all that is stored counted, by the number of elements. Errors are signal to
// noise, 10·log10(Σx² / Σ(x-x̂)²) in dB, over all vectors.
package demo
