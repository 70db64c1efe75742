package compare

import (
	"math"
	"slices"
	"strings"
)

// Metric is a figure of a channel against the baseline that a condition may name.
type Metric struct {
	Name  string
	Means string
	of    func(base, own *Result) (v float64, ok bool)
}

// Metrics are all of them, by name. Ratios are to the baseline: of speeds, above 1 is faster; of
// times, above 1 is slower.
func Metrics() []Metric { return slices.Clone(metrics) }

var metrics = func() []Metric {
	out := []Metric{
		{"accepted_pct", "drafted tokens that were accepted, per cent", func(_, r *Result) (float64, bool) {
			if r.Draft == nil {
				return 0, false
			}
			return r.Draft.Percent, true
		}},
		{"differing_answers", "prompts whose greedy answer is not the baseline's", func(_, r *Result) (float64, bool) {
			if r.Outputs == nil {
				return 0, false
			}
			return float64(r.Outputs.Of - r.Outputs.Equal), true
		}},
		{"differing_pct", "the same, per cent of all prompts", func(_, r *Result) (float64, bool) {
			if r.Outputs == nil || r.Outputs.Of == 0 {
				return 0, false
			}
			return 100 * float64(r.Outputs.Of-r.Outputs.Equal) / float64(r.Outputs.Of), true
		}},
		{"kl", "divergence from the baseline under its answers, nats a token", func(_, r *Result) (float64, bool) {
			if r.Agreement == nil {
				return 0, false
			}
			return r.Agreement.KL.Value, true
		}},
		{"top1_pct", "tokens of which both hold the same likeliest, per cent", func(_, r *Result) (float64, bool) {
			if r.Agreement == nil {
				return 0, false
			}
			return r.Agreement.Top1.Value, true
		}},
		{"ppl", "perplexity of the text", func(_, r *Result) (float64, bool) {
			if r.Perplexity == nil {
				return 0, false
			}
			return r.Perplexity.Value.Value, true
		}},
		{"bits_per_byte", "of the text", func(_, r *Result) (float64, bool) {
			if r.Perplexity == nil {
				return 0, false
			}
			return r.Perplexity.BitsPerByte, true
		}},
		{"parked_bytes", "bytes that a token takes in a parked conversation", func(_, r *Result) (float64, bool) {
			if r.Parking == nil || r.Parking.ParkedTokens == 0 {
				return 0, false
			}
			return r.Parking.BytesPerToken(), true
		}},
		{"parked_ratio", "the same over what it takes in f16", func(_, r *Result) (float64, bool) {
			if r.Parking == nil || r.Parking.NominalBytes == 0 {
				return 0, false
			}
			return float64(r.Parking.ParkedBytes) / float64(r.Parking.NominalBytes), true
		}},
		{"kv_bytes", "bytes of a token's keys and values in the backend's cache", func(_, r *Result) (float64, bool) {
			return r.KV.BytesPerToken, r.KV.BytesPerToken > 0
		}},
		{"kv_ratio", "the same over the baseline's", func(b, r *Result) (float64, bool) {
			return r.KV.BytesPerToken / b.KV.BytesPerToken, b.KV.BytesPerToken > 0
		}},
		{"memory_ratio", "bytes of the loaded model over the baseline's", func(b, r *Result) (float64, bool) {
			whole := b.Memory.Total()
			return float64(r.Memory.Total()) / float64(whole), whole > 0
		}},
	}
	for _, part := range []struct{ name, means string }{
		{"ppl_delta_pct", "change of perplexity, per cent"},
		{"ppl_delta_low_pct", "lower end of its interval"},
		{"ppl_delta_high_pct", "upper end of its interval"},
	} {
		out = append(out, Metric{part.name, part.means, func(_, r *Result) (float64, bool) {
			if r.Perplexity == nil || r.Perplexity.Change == nil {
				return 0, false
			}
			c := r.Perplexity.Change
			return map[string]float64{"ppl_delta_pct": c.Percent, "ppl_delta_low_pct": c.Low, "ppl_delta_high_pct": c.High}[part.name], true
		}})
	}
	for _, m := range measures {
		out = append(out,
			Metric{m.name + "_" + m.unit, m.means + ", median", func(_, r *Result) (float64, bool) { return m.into(r).Median, m.into(r).N > 0 }},
			ratioMetric(m.name+"_ratio", m.means+", over the baseline's", m.into, func(r *Ratio) (float64, bool) { return r.Value, true }),
			ratioMetric(m.name+"_ratio_low", "lower end of its interval", m.into, func(r *Ratio) (float64, bool) { return r.Low, r.Verdict != TooFew }),
			ratioMetric(m.name+"_ratio_high", "upper end of its interval", m.into, func(r *Ratio) (float64, bool) { return r.High, r.Verdict != TooFew }),
		)
	}
	slices.SortFunc(out, func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
	return out
}()

func ratioMetric(name, means string, of func(*Result) *Speed, take func(*Ratio) (float64, bool)) Metric {
	return Metric{name, means, func(_, r *Result) (float64, bool) {
		ratio := of(r).Ratio
		if ratio == nil {
			return math.NaN(), false
		}
		return take(ratio)
	}}
}
