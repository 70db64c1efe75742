// Package eval measures what a channel's KV cache costs in quality and takes in bytes.
//
// Texts are cut into windows. The baseline channel scores every token of every window, and so does
// each other channel, with its codec in mode live: attention reads nothing but what the codec gave
// back. Token by token the two are compared: log-probabilities for the perplexity and its change,
// whole distributions for the divergence. What is compared lies on disk, so that one model at a
// time is in memory.
//
// Bytes are those of frames. Between the backend and the codec stands a [tap]: it passes every
// call on, and keeps the vectors of the window to have the codec pack them as pages of 64 tokens,
// and to compare what came back with what was given, layer by layer.
//
// docs/eval.md says what each number means.
package eval
