package experiment

import (
	"math"
	"time"
)

// results are what an experiment has come to. They are what is written to the file.
type results struct {
	Name   string    `json:"name"`
	Digest string    `json:"digest"`
	Since  time.Time `json:"since"`

	Arms       [2]tally `json:"arms"`
	FirstToken Contrast `json:"first_token"`
	Generation Contrast `json:"generation"`
	Failures   [2]Share `json:"failures"`

	Fates [fates]int64 `json:"fates"`
	Pairs pairs        `json:"pairs"`
}

// tally counts requests of an arm.
type tally struct {
	Requests  int64 `json:"requests"`
	Failed    int64 `json:"failed"`
	Cancelled int64 `json:"cancelled"`
}

// pairs are what came of requests that both arms answered.
type pairs struct {
	Failures   Share    `json:"failures"` // of B
	Prefill    Mean     `json:"prefill"`  // of ln(b/a)
	Generation Mean     `json:"generation"`
	Same       Share    `json:"same"`
	Agreed     Share    `json:"agreed"` // tokens before the answers part, of A's
	Parted     partings `json:"parted"`
}

// count takes a request into the tally, and its figures into f.
func (r *results) count(o Observation, f *figures) {
	t := &r.Arms[o.Arm]
	t.Requests++
	if o.Failed {
		t.Failed++
	}
	if o.Cancelled {
		t.Cancelled++
	}
	if f == nil {
		return
	}
	f.failed.Event(o.Failed)
	if o.FirstToken > 0 {
		f.firstToken.Add(math.Log(o.FirstToken.Seconds()))
	}
	if o.Rate > 0 && !math.IsInf(o.Rate, 1) {
		f.rate.Add(math.Log(o.Rate))
	}
}

// close takes in a unit that is watched no more.
func (r *results) close(f *figures) {
	r.Failures[f.arm].Add(f.failed.Value())
	if f.firstToken.N > 0 {
		r.FirstToken.Add(f.arm, f.firstToken.Value, f.split)
	}
	if f.rate.N > 0 {
		r.Generation.Add(f.arm, f.rate.Value, f.split)
	}
}

// pair takes in a request that both arms answered.
func (r *results) pair(p Pair) {
	r.Fates[Compared]++
	r.Pairs.Failures.Event(p.Failed)
	if p.Failed {
		return
	}
	if x, ok := logRatio(p.Prefill); ok {
		r.Pairs.Prefill.Add(x)
	}
	if x, ok := logRatio(p.Rate); ok {
		r.Pairs.Generation.Add(x)
	}
	if !p.Greedy {
		return
	}
	r.Pairs.Same.Event(p.Same)
	if p.Same {
		r.Pairs.Agreed.Add(1)
		return
	}
	r.Pairs.Parted.add(p.Parted)
	r.Pairs.Agreed.Add(float64(p.Parted) / float64(max(p.Length, 1)))
}
