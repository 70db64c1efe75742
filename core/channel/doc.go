// Package channel says what a request's model name stands for.
//
// # Channels and ids
//
// A channel is a named composition: a model, the backend that runs it, optionally a codec for its
// KV cache and a drafter, and the sampling, limits and load options that its requests start from.
// An [ID] is the short text for the composition alone:
//
//	<short>[:<backend>][@<codec>-q<Q>[-b<B>]][+<drafter>]
//
//	smollm2-135m
//	qwen3-4b@e8-q38-b2
//	smollm2-135m:gomlx@e8-q10+ngram
//
// The parts are made of ASCII characters:
//
//	short    a-z 0-9 . _ -   begins and ends with a letter or a digit, at most 96 bytes
//	backend  a-z 0-9 _ -     begins with a letter, ends with a letter or a digit, at most 32 bytes
//	codec    a-z 0-9 _       as backend, but without a dash: a dash ends the name
//	Q        0-9             1 to 32767, no leading zero
//	B        0-9             0 to 999, no leading zero
//	drafter  as backend
//
// The marks ":", "@" and "+" occur in no part, and the parts come in that order, so an id can be
// read in one way only, and what [Parse] accepts [ID.String] prints back byte for byte. Dots,
// digits and dashes in a short name need no quoting: deepseek-r1-distill-qwen-1.5b, llama-3.2-3b.
//
// # Composition
//
// [Compose] turns models and channel specs into an immutable [Set], or into a list of [*Error]
// that each name the key at fault. A channel whose name is an id takes its parts from the name.
// [Set.Resolve] finds a channel by its name or an alias; when the set allows it, an id that nobody
// configured but whose parts are all known is composed on request.
//
// # Profiles
//
// A [Profile] is what is known of a model family: see [Profiles]. Composition takes defaults from
// it, refuses what is known to fail, and attaches warnings to what is known to do badly.
package channel
