// Package draftbench measures drafters against a running daemon: prompts of four kinds, each answered
// greedily by a channel without a drafter and by the same channel with each, one after the other. It
// compares the answers token for token, and the speed of generating as the backend measured it.
// Nothing is learned between prompts: they are sent with cache_prompt false.
package draftbench
