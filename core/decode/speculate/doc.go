// Package speculate decides how many drafted tokens are worth verifying. It is arithmetic without
// state of others: a [Curve] of what steps cost by their size, [Chances] of tokens to be accepted,
// and a [Sharing] of a step's room among requests.
//
// # The objective
//
// Tokens committed a second. A step that computes b tokens and commits s without drafts costs C(b).
// With m drafted tokens whose chances are p1 to pm it is expected to commit s + p1 + ... + pm and
// costs C(b+m). The drafts are those that make the quotient largest.
package speculate
