// Package draftmodel is a drafter that is a language model itself: a small GGUF of the target's
// vocabulary, run by llama.cpp. It is worth its time only where it is much smaller than the target.
//
// All sessions of an attachment are drafted together, a token of each in every step, on threads of
// its own process; the target waits meanwhile. A proposal ends early when the chance that all of it
// is accepted, by the draft model's own probabilities, falls below what the backend says is worth
// verifying. With Ask.Sample tokens are drawn from the likeliest [drafter.MaxSupport] at the request's
// temperature.
//
// A session holds a sequence of the draft model's cache from its first proposal on. Sessions beyond
// the target's slots have none and propose nothing. A text that is new to the draft model is read in
// pieces, one a proposal, so that nobody waits long for a long prompt.
package draftmodel
