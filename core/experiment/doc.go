// Package experiment compares two channels on the requests that a daemon serves anyway: which of
// the two answers a request, what was measured of them, and what that says so far.
//
// # Looking at any time
//
// People look at a running experiment again and again and stop when they like what they see. An
// interval of the usual kind, which holds at one look that was fixed beforehand, is then wrong far
// more often than it says. All intervals here are confidence sequences: with the probability stated,
// the interval holds the truth at every look from the first to the last, however many there are and
// for whatever reason one stops.
//
//   - Means of logarithms, see [Mean] and [Contrast]: the asymptotic confidence sequences of I.
//     Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, "Time-uniform central limit
//     theory and asymptotic confidence sequences", Annals of Statistics 52 (2024), arXiv:2103.06476,
//     theorem 2.2 and, for a mean that drifts, theorem 2.5; for two arms drawn at random, section 3.
//   - Shares, see [Share]: H. Robbins' mixture of binomial likelihood ratios ("Statistical methods
//     related to the law of the iterated logarithm", Annals of Mathematical Statistics 41, 1970),
//     which is exact for any number of trials.
//
// # Units
//
// What is counted once is a unit. Where an arm is drawn for a session or a user, that is the unit,
// since its requests are alike: its figure is the mean over what it asked within [Window] of its
// first request, and what it asks later is served and not counted. See [Definition].
//
// Nothing of prompts and answers is kept: sums, counts, and while a unit is open a hash of its key.
package experiment
