// Package session keeps packed pages of KV cache, so that a prompt whose beginning was computed
// once need not be computed again.
//
// # Pages
//
// A page is the KV of [PageTokens] consecutive tokens in all layers, packed by a codec: opaque
// bytes. What it holds depends on all tokens before it, so its [Key] is a chained SHA-256 over the
// [Identity] (model, codec, scope) and all tokens from the first of the prompt on. Equal keys are
// equal pages: what many sessions share is stored once. A key cannot be made to collide by who
// chooses the tokens, and a page read from disk must be the one that its key was derived from.
//
// Pages form a tree under each identity. [Store.Lookup] walks it from the root: it finds the
// longest run of pages that a prompt begins with. A page is only put after the one before it, and
// nothing drops a page without those after it, so all pages can be found.
//
// # Scopes
//
// Pages of one scope are found in no other. Who may look up in a scope can find out, by how soon an
// answer begins, which prompts others had computed in it: scopes are for those to whom that matters.
//
// # Tiers
//
// With a directory, pages are kept in one file by bbolt, within a budget of bytes, and the RAM tier
// is a ristretto cache of them. Put queues a page and a goroutine writes the queue in batches.
// When the budget is spent, the page used longest ago goes that has none after it and that nobody
// holds. Without a directory pages are in memory, under the same rules.
//
// # Crashes and damage
//
// A commit is atomic and on disk when it returns: a process killed at any time loses the pages that
// were still queued, and never has half of one. Each page carries a checksum and its whole
// identity; a page that fails them is dropped with those after it, and counted. A file that bbolt
// cannot make sense of is made anew: these are pages that can be computed again. Bbolt has no
// checksums of its own tree, a thousandth of the file: damage there that looks like a tree can make
// it lose pages or work without end, but not give a wrong one.
package session
