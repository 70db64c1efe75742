package compare

import (
	"math"
	"slices"
)

// measure is a figure of an answer. ok is false where there is none.
type measure struct {
	name, unit   string // of its metrics
	means, title string
	of           func(*Sample) (v float64, ok bool)
	into         func(*Result) *Speed
	higher       bool // is better
}

// measures are all that have ratios.
var measures = []measure{
	{
		"first_token", "ms", "time to the first token", "first token, ms",
		func(s *Sample) (float64, bool) { return s.FirstMS, s.FirstMS > 0 }, func(r *Result) *Speed { return &r.First }, false,
	},
	{
		"prefill", "tps", "speed of prefill", "prefill, tokens/s",
		func(s *Sample) (float64, bool) { return perSecond(s.Computed, s.PrefillMS) }, func(r *Result) *Speed { return &r.Prefill }, true,
	},
	{
		"generation", "tps", "speed of generation", "generation, tokens/s",
		func(s *Sample) (float64, bool) { return perSecond(s.Output-1, s.GenerateMS) }, func(r *Result) *Speed { return &r.Generation }, true,
	},
}

func perSecond(n int, ms float64) (float64, bool) {
	if n <= 0 || ms <= 0 {
		return 0, false
	}
	return 1000 * float64(n) / ms, true
}

// errorOfEach is what of the error 1-level is left to each interval of a report.
func errorOfEach(level float64, channels int) float64 {
	return (1 - level) / float64(len(measures)*(channels-1))
}

// speeds fills in what the samples say of the channels' speeds.
func (r *Report) speeds() {
	for c := range r.Channels {
		for _, m := range measures {
			speed := m.into(&r.Channels[c])
			*speed = spread(r.values(m, c))
			if c > 0 {
				speed.Ratio = r.ratio(m, c)
			}
		}
	}
}

// values are a channel's, by place.
func (r *Report) values(m measure, channel int) map[place]float64 {
	out := map[place]float64{}
	for i := range r.Samples {
		s := &r.Samples[i]
		if v, ok := m.of(s); ok && s.Channel == channel {
			out[place{s.Prompt, s.Round}] = v
		}
	}
	return out
}

// place is where an answer has its pair.
type place struct{ prompt, round int }

func spread(values map[place]float64) Speed {
	var all []float64
	for _, v := range values {
		all = append(all, v)
	}
	if len(all) == 0 {
		return Speed{}
	}
	slices.Sort(all)
	return Speed{Median: median(all), Low: quantile(all, 0.25), High: quantile(all, 0.75), N: len(all)}
}

// ratio is a channel's to the baseline. Nil: there is no pair.
func (r *Report) ratio(m measure, channel int) *Ratio {
	own, baseline := r.values(m, channel), r.values(m, 0)
	byPrompt := make([][]float64, len(r.Prompts))
	var pairs []float64
	for prompt := range r.Prompts {
		for round := range r.Settings.Rounds {
			at := place{prompt, round}
			a, okA := baseline[at]
			b, okB := own[at]
			if okA && okB {
				byPrompt[prompt] = append(byPrompt[prompt], math.Log(b/a))
				pairs = append(pairs, byPrompt[prompt][len(byPrompt[prompt])-1])
			}
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	var units []float64
	for _, x := range byPrompt {
		if len(x) > 0 {
			slices.Sort(x)
			units = append(units, median(x))
		}
	}
	out := &Ratio{Pairs: len(pairs), Paired: "prompt", Verdict: TooFew}
	if len(units) < fewest(r.Settings.Error) {
		units, out.Paired = pairs, "answer"
	}
	middle, low, high, ok := signedRanks(units, r.Settings.Error)
	out.Value = math.Exp(middle)
	if ok {
		out.Low, out.High = math.Exp(low), math.Exp(high)
		out.Verdict = verdict(low, high, m.higher)
	}
	for _, u := range units {
		out.Units = append(out.Units, math.Exp(u))
	}
	return out
}

func verdict(low, high float64, higher bool) Verdict {
	switch {
	case low > 0 && higher, high < 0 && !higher:
		return Faster
	case low > 0, high < 0:
		return Slower
	}
	return NoFinding
}
