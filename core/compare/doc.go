// Package compare measures channels side by side and says which differences are real.
//
// [Run] asks every channel the same prompts, several rounds of them. The channels take turns within
// a prompt, in orders that are balanced and shuffled by a seed, so that what the machine does
// meanwhile hurts all alike. The first channel is the baseline: ratios, divergences and changes are
// the others' against it.
//
// What runs channels is behind [Bench]; core/compare/measure is that over the router, and tests
// have one with a simulated clock. The report is JSON with a schema (schema.json), a table, and,
// from core/compare/comparehtml, a page that needs nothing but itself.
//
// # When a difference is real
//
// A speed's ratio comes from pairs: the same prompt in the same round through both channels. The
// logarithms of a prompt's ratios are brought to their median over the rounds; the estimate is the
// Hodges-Lehmann median of these, its interval that of Wilcoxon's signed ranks (Hollander, Wolfe and
// Chicken, Nonparametric Statistical Methods, 3rd edition, 3.2 and 3.3). That is exact for any noise,
// outliers too, as long as it is as likely to hurt the one as the other, which the balanced order
// sees to. The intervals of a report hold together at [Options.Level]: each has the part of the
// error that is left to it (Bonferroni). A difference is real when the interval leaves out 1.
//
// docs/compare.md says what each number means.
package compare
