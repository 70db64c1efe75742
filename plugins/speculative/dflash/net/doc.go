// Package net is the network of a DFlash drafter: read from a GGUF beside the GGUF of its target,
// and run.
//
// # The network
//
// At each committed position the target's states after some of its layers are brought to a root mean
// square of 1, joined, and mapped to one feature as wide as the target's residual stream. A block
// begins with the anchor, the last committed token, whose own feature is not there yet, and goes on
// with masks. A few layers, each with keys and values of its own over the features before the
// anchor and, in both directions, over the block, turn a mask at position k into the token expected
// there. Embedding and head are the target's; the head is cut to the drafter's vocabulary.
//
//	feature(p)  = norm(fuse · [rms(s_1(p)) … rms(s_t(p))])
//	x           = [embedding(anchor), mask, mask, …]
//	x          += o(attention(q(norm x), k(feature ‖ norm x), v(feature ‖ norm x)))
//	x          += down(silu(gate(norm x)) · up(norm x))
//	p(token, k) = softmax(head · norm x_k)
//
// Queries and keys are normed a head and rotated in halves (pairs i, i + head_dim/2) by their
// position in the text. The scheme is DFlash's (block diffusion for speculative decoding).
//
// # The file
//
// A GGUF of architecture "dflash", whose keys [File] lists. Tensors are F32, F16 or Q8_0.
package net
