// Package ngram is a drafter without a model: it looks for the last tokens of a text further up in
// the same text, prompt and answer, and proposes what followed them there. That costs microseconds,
// and is often right where an answer repeats what was given: code that is edited, texts that are
// quoted, lists and tables, JSON.
//
// # Lookup
//
// The longest match wins, of equally long ones the latest. A proposal that comes to the end of the
// text goes on with itself, so that what repeats in a circle is proposed as often as asked for.
//
// # Confidence
//
// A token's confidence depends on how many tokens before it match, those proposed before it counted,
// and on how many of the places with a match have it. The numbers are typical for chat and code; the
// backend corrects them by what is accepted.
//
// # The shared index
//
// A text that ends is put into an index, and what the text itself has no good match for is looked up
// there: answers to alike questions begin alike. The index is a ring of tokens and a table of hashes
// of its n-grams, both of fixed size: old texts are overwritten. Sessions of other scopes and private
// ones neither read nor fill it. It is memory only, and ends with the attachment.
package ngram
