package experiment

import (
	"math"
	"time"
)

// Level is the probability with which all intervals of an experiment hold, together and at every look.
const Level = 0.95

// Method names how the intervals are made.
const Method = "confidence sequences: asymptotic (Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024) for ratios, " +
	"with augmented inverse probability weighting where arms were drawn; beta-binomial mixture (Robbins 1970) for shares"

// Report is what an experiment has come to so far. Its JSON is what the API tells.
type Report struct {
	Name    string    `json:"name"`
	Mode    string    `json:"mode"` // "split" or "shadow"
	Split   float64   `json:"split,omitempty"`
	Sticky  string    `json:"sticky,omitempty"`
	Since   time.Time `json:"since"`
	Level   float64   `json:"level"` // with which all intervals hold, at every look
	Method  string    `json:"method"`
	A       ArmReport `json:"a"`
	B       ArmReport `json:"b"`
	Watched int       `json:"watched"` // units that may still ask, and are not in the metrics yet
	Metrics []Metric  `json:"metrics"`
	Shadow  *Shadow   `json:"shadow,omitempty"`
}

// ArmReport is one of the two channels.
type ArmReport struct {
	Channel   string `json:"channel"`
	Requests  int64  `json:"requests"`
	Failed    int64  `json:"failed"`
	Cancelled int64  `json:"cancelled"`

	FirstTokenMS    *float64 `json:"first_token_ms,omitempty"`    // geometric means over units
	TokensPerSecond *float64 `json:"tokens_per_second,omitempty"` // of generation
}

// Shadow is what became of requests that B was to answer unseen.
type Shadow struct {
	Compared int64     `json:"compared"`
	Censored int64     `json:"censored"`
	Dropped  int64     `json:"dropped"`
	Skipped  int64     `json:"skipped"`
	Unit     string    `json:"unit"`   // that answers are compared by: "token" or "character"
	Parted   []Parting `json:"parted"` // greedy answers that differ, by where they part
}

// Parting counts answers that part after at least From tokens and before Below.
type Parting struct {
	From    int   `json:"from"`
	Below   int   `json:"below,omitempty"` // 0: no end
	Answers int64 `json:"answers"`
}

// Metric is one thing that is compared.
type Metric struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"` // "ratio": b over a; "difference": b less a; "share"
	N        int64    `json:"n"`    // units
	Value    *float64 `json:"value"`
	Low      *float64 `json:"low"` // absent while there are too few
	High     *float64 `json:"high"`
	Needs    int64    `json:"needs,omitempty"` // units, at least, before there is an interval
	Finding  string   `json:"finding"`         // "b_higher", "b_lower" or "none"; of shares always "none"
	Better   string   `json:"better"`          // "higher" or "lower"
	Describe string   `json:"describe"`
}

// newReport tells of an experiment whose units are up to date.
func newReport(e *experiment) Report {
	d, r := e.definition, &e.results
	out := Report{
		Name: d.Name, Mode: "split", Split: d.Split, Sticky: string(d.Sticky), Since: r.Since, Level: Level, Method: Method,
		A: ArmReport{Channel: d.A}, B: ArmReport{Channel: d.B}, Watched: e.units.watched(),
	}
	for arm, to := range []*ArmReport{&out.A, &out.B} {
		t := r.Arms[arm]
		to.Requests, to.Failed, to.Cancelled = t.Requests, t.Failed, t.Cancelled
		to.FirstTokenMS = geometric(&r.FirstToken.Arms[arm], 1000)
		to.TokensPerSecond = geometric(&r.Generation.Arms[arm], 1)
	}
	if d.Shadow {
		out.Mode, out.Shadow = "shadow", shadowOf(r)
		out.Shadow.Unit = "character"
		if d.Tokens {
			out.Shadow.Unit = "token"
		}
		out.Metrics = r.Pairs.metrics()
		return out
	}
	alpha := (1 - Level) / 3
	out.Metrics = []Metric{
		contrastMetric("first_token", "lower", "b's time from the request to the first piece of its answer, over a's", &r.FirstToken, alpha),
		contrastMetric("generation", "higher", "b's tokens/s from the first to the last, over a's", &r.Generation, alpha),
		failureMetric(&r.Failures, alpha),
	}
	return out
}

func geometric(m *Mean, scale float64) *float64 {
	if m.N == 0 {
		return nil
	}
	return number(scale * math.Exp(m.Value))
}

func (p *pairs) metrics() []Metric {
	alpha := (1 - Level) / 5
	return []Metric{
		meanMetric("prefill", "higher", "b's tokens/s of the prompt, over a's, where both computed as many", &p.Prefill, alpha),
		meanMetric("generation", "higher", "b's tokens/s from the first to the last, over a's", &p.Generation, alpha),
		shareMetric("same", "higher", "greedy answers that are equal to a's", &p.Same, alpha),
		shareMetric("agreed", "higher", "part of a's greedy answer before b's parts from it, on average", &p.Agreed, alpha),
		shareMetric("failures", "lower", "requests that b failed at, of those that a answered", &p.Failures, alpha),
	}
}

func contrastMetric(name, better, describe string, c *Contrast, alpha float64) Metric {
	m := Metric{Name: name, Kind: "ratio", Better: better, Describe: describe, N: c.Arms[A].N + c.Arms[B].N, Finding: "none"}
	if c.Scores.N > 0 {
		m.Value = number(math.Exp(c.Scores.Value))
	}
	m.Needs = max(0, enough-c.Scores.N, enoughOfArm-c.Arms[A].N, enoughOfArm-c.Arms[B].N)
	if c.ready() {
		m.ratio(c.Interval(alpha))
	}
	return m
}

func meanMetric(name, better, describe string, mean *Mean, alpha float64) Metric {
	m := Metric{Name: name, Kind: "ratio", Better: better, Describe: describe, N: mean.N, Finding: "none", Needs: max(0, enough-mean.N)}
	m.Value = geometric(mean, 1)
	if mean.N >= enough {
		m.ratio(mean.Interval(alpha))
	}
	return m
}

// ratio sets the interval from one of logarithms.
func (m *Metric) ratio(i Interval) {
	m.Low, m.High = number(math.Exp(i.Low)), number(math.Exp(i.High))
	m.find(i)
}

func (m *Metric) find(i Interval) {
	switch {
	case i.Low > 0:
		m.Finding = "b_higher"
	case i.High < 0:
		m.Finding = "b_lower"
	}
}

func shareMetric(name, better, describe string, s *Share, alpha float64) Metric {
	m := Metric{Name: name, Kind: "share", Better: better, Describe: describe, N: s.N, Finding: "none"}
	if s.N == 0 {
		m.Needs = 1
		return m
	}
	i := s.Interval(alpha)
	m.Value, m.Low, m.High = number(i.Value), number(i.Low), number(i.High)
	return m
}

// failureMetric is the difference of two shares, each of whose intervals has half the error.
func failureMetric(f *[2]Share, alpha float64) Metric {
	m := Metric{
		Name: "failures", Kind: "difference", Better: "lower", Describe: "share of requests that b failed at, less a's",
		N: f[A].N + f[B].N, Finding: "none", Needs: max(0, 1-f[A].N, 1-f[B].N),
	}
	if m.Needs > 0 {
		return m
	}
	a, b := f[A].Interval(alpha/2), f[B].Interval(alpha/2)
	i := Interval{Low: b.Low - a.High, Value: b.Value - a.Value, High: b.High - a.Low}
	m.Value, m.Low, m.High = number(i.Value), number(i.Low), number(i.High)
	m.find(i)
	return m
}

func shadowOf(r *results) *Shadow {
	s := &Shadow{
		Compared: r.Fates[Compared], Censored: r.Fates[Censored], Dropped: r.Fates[Dropped], Skipped: r.Fates[Skipped],
		Parted: []Parting{},
	}
	for i, n := range r.Pairs.Parted {
		if n == 0 {
			continue
		}
		p := Parting{Answers: n, Below: 1 << i}
		if i > 0 {
			p.From = 1 << (i - 1)
		}
		if i == len(r.Pairs.Parted)-1 {
			p.Below = 0
		}
		s.Parted = append(s.Parted, p)
	}
	return s
}

// number is nil for what JSON cannot say.
func number(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}
