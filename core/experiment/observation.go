package experiment

import (
	"math"
	"time"
)

// Observation is one request that an arm answered, or did not.
type Observation struct {
	Arm  Arm
	Unit string // what the arm was drawn for; "": the request

	Failed    bool // by the daemon's fault
	Cancelled bool // nobody wanted the answer any more

	FirstToken time.Duration // from the request to the first piece of its answer; 0: there was none
	Rate       float64       // tokens/s from the first to the last; 0: too few, or not known
}

// Pair is a request that both arms answered, B unseen.
type Pair struct {
	Failed bool // B's answer; then there is nothing else

	Prefill [2]float64 // tokens/s of the prompt; 0: not known, or not alike in how much was cached
	Rate    [2]float64 // tokens/s of the answer; 0: too few, or not known

	Greedy bool // both took the likeliest token each time: then the rest is told
	Same   bool // the answers are equal
	Parted int  // tokens (characters, where the two models' tokens differ) before they part
	Length int  // of A's answer, in the same unit
}

// Fate is what became of a request that B was to answer unseen.
type Fate int

// The fates.
const (
	Compared Fate = iota
	Censored      // given up for a request that somebody waits for
	Dropped       // too many waited, or there was no memory to spare
	Skipped       // of a kind that is not compared
	fates
)

var fateNames = [fates]string{"compared", "censored", "dropped", "skipped"}

// String is the fate in one word.
func (f Fate) String() string { return fateNames[f] }

// partings counts where answers part: before token 1, 2, 4, 8, ... and after 2^14.
type partings [16]int64

func (p *partings) add(token int) {
	at := 0
	for at < len(p)-1 && token >= 1<<at {
		at++
	}
	p[at]++
}

// logRatio is ln(b/a); ok is false where one is not known.
func logRatio(v [2]float64) (x float64, ok bool) {
	if !(v[A] > 0 && v[B] > 0) || math.IsInf(v[A], 1) || math.IsInf(v[B], 1) {
		return 0, false
	}
	return math.Log(v[B] / v[A]), true
}
