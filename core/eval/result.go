package eval

import (
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// exactBytes are an element's in a cache that nothing was packed of.
const exactBytes = 2

// result makes a channel's result of its scores.
func (r *run) result(l *loaded, s scores) *Result {
	o := l.info.Options
	out := &Result{
		Channel: l.channel.Name,
		ID:      l.channel.ID.String(),
		Backend: l.channel.Backend,
		Model: Model{
			Name: l.info.Name, Architecture: l.info.Architecture, Quantization: l.info.Quantization,
			Layers: l.info.Layers, KVHeads: l.info.KVHeads, HeadDim: l.info.HeadDim,
		},
		KVTypeK:    o.KVTypeK,
		KVTypeV:    o.KVTypeV,
		Perplexity: Perplexity(s.logp),
		Delta:      PerplexityChange(r.base.logp, s.logp),
		KL:         Mean(s.kl),
		Seconds:    s.took.Seconds(),
	}
	same := 0
	for i, t := range s.top {
		if t == r.base.top[i] {
			same++
		}
	}
	out.Top1 = Share(same, len(s.top))
	elements := float64(2 * l.info.Layers * l.info.KVHeads * l.info.HeadDim)
	if o.KVTypeK == backend.DefaultKVType && o.KVTypeV == backend.DefaultKVType {
		// The backend knows layers that differ from the first.
		elements = float64(l.info.Memory.KVBytesPerToken) / exactBytes
	}
	out.BytesPerToken = float64(l.info.Memory.KVBytesPerToken)
	if l.tap != nil {
		out.Codec, out.BytesPerToken = r.packed(l, elements)
	}
	out.BitsPerElement = 8 * out.BytesPerToken / elements
	return out
}

// packed tells of a channel's codec, and what a token takes with it.
func (r *run) packed(l *loaded, elements float64) (*Codec, float64) {
	c := l.tap.result()
	tokens := 0.0
	for _, w := range r.windows {
		tokens += float64(len(w) - 1) // the last token's is never computed: nothing comes after it
	}
	all, given := tokens*elements, float64(c.elements)
	cache := l.info.Options.Cache
	out := &Codec{
		SNR:  []LayerSNR{},
		Name: l.channel.Codec.Name, Version: l.codecInfo.Version, Params: l.tap.params(),
		Boundary: l.channel.Codec.Boundary, Sinks: max(0, cache.Sinks), Recent: cache.Recent,
	}
	if given > 0 {
		out.Share = given / all
		out.Bits = 8 * float64(c.pagesBytes) / given
		if c.fixedBytes > 0 {
			bits := 8 * float64(c.fixedBytes) / given
			out.FixedBits = &bits
		}
	}
	for i, e := range c.layers {
		if e.signal == ([2]float64{}) {
			continue // within the boundary
		}
		out.SNR = append(out.SNR, LayerSNR{Layer: i, K: decibels(e.signal[0], e.noise[0]), V: decibels(e.signal[1], e.noise[1])})
	}
	return out, (float64(c.pagesBytes) + exactBytes*(all-given)) / tokens
}
