package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

//go:generate go run ./gen schema.json

// Schema names the form of a report's JSON. It changes when a field changes its meaning.
const Schema = "kakeyad-eval/1"

// Report is what an evaluation found. schema.json describes its JSON.
type Report struct {
	Schema  string `json:"schema" jsonschema:"enum=kakeyad-eval/1"`
	Version string `json:"version"` // of the daemon that measured
	Context int    `json:"context"` // tokens of a window
	Tokens  int    `json:"tokens"`  // scored, of all texts; the same ones for every channel
	Texts   []Used `json:"texts"`

	// Baseline is the channel that the others are compared with. It is among Results, first.
	Baseline string   `json:"baseline"`
	Results  []Result `json:"results"`
}

// Used tells of a text and how much of it was scored.
type Used struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Windows int    `json:"windows"`
	Tokens  int    `json:"tokens"` // scored
}

// Result is one channel's.
type Result struct {
	Channel string `json:"channel"`
	ID      string `json:"id"`      // of the composition
	Backend string `json:"backend"` // plugin
	Model   Model  `json:"model"`

	KVTypeK string `json:"kv_type_k"` // of the backend's own cache
	KVTypeV string `json:"kv_type_v"`
	Codec   *Codec `json:"codec,omitempty"`

	Perplexity Estimate `json:"perplexity"`
	// Delta is the change of perplexity against the baseline, paired over tokens.
	Delta Change `json:"delta"`
	// KL is the mean divergence of the channel's distributions from the baseline's, in nats a token.
	KL Estimate `json:"kl"`
	// Top1 is how often both hold the same token likeliest, in percent.
	Top1 Estimate `json:"top1_percent"`

	// BytesPerToken is what a token takes, all layers, exact ones and exact tokens included.
	BytesPerToken float64 `json:"bytes_per_token"`
	// BitsPerElement is the same over the elements of a token's keys and values.
	BitsPerElement float64 `json:"bits_per_element"`

	Seconds float64 `json:"seconds"` // the scoring took, the measuring of frames included
}

// Model is what was evaluated.
type Model struct {
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Quantization string `json:"quantization"`
	Layers       int    `json:"layers"`
	KVHeads      int    `json:"kv_heads"`
	HeadDim      int    `json:"head_dim"`
}

// Codec is how a channel's cache was packed and what of it was measured.
type Codec struct {
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Params   map[string]string `json:"params"` // as the codec resolved them
	Boundary int               `json:"boundary"`
	Sinks    int               `json:"sinks"`  // first tokens of a window that stay exact
	Recent   int               `json:"recent"` // newest tokens that stay exact

	// Share is the part of all elements that the codec was given, the others being exact.
	Share float64 `json:"share"`
	// Bits are those of an element in the codec's frames of pages, headers and side information
	// included.
	Bits float64 `json:"bits"`
	// FixedBits are Bits in records of equal size, for codecs that have them and another form.
	FixedBits *float64 `json:"fixed_bits,omitempty"`

	// SNR is how far the codec's error lies below its input, layer by layer.
	SNR []LayerSNR `json:"snr"`
}

// LayerSNR is a layer's signal to noise ratio in decibels, left out where nothing was lost.
type LayerSNR struct {
	Layer int      `json:"layer"`
	K     *float64 `json:"k_db,omitempty"`
	V     *float64 `json:"v_db,omitempty"`
}

// Write writes a report as JSON.
func (r *Report) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Read reads what Write wrote. Another schema is base.ErrUnsupported.
func Read(in io.Reader) (*Report, error) {
	d := json.NewDecoder(in)
	var r Report
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("read report: %w: %w", base.ErrCorrupt, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("read report: %w: its schema is %q, not %q", base.ErrUnsupported, r.Schema, Schema)
	}
	return &r, nil
}

// sameRun is how far two measurements of the same baseline may lie apart, in part of its
// perplexity: a backend rounds differently on another machine or with another batch.
const sameRun = 1e-3

// Add takes over the results of another report, of the same texts, windows and baseline. A channel
// that is in both keeps what it has here.
func (r *Report) Add(other *Report) error {
	switch {
	case r.Context != other.Context || !slices.Equal(r.Texts, other.Texts):
		return fmt.Errorf("join reports: %w: they are of other texts or windows", base.ErrInvalid)
	case r.Baseline != other.Baseline:
		return fmt.Errorf("join reports: %w: their baselines are %q and %q", base.ErrInvalid, r.Baseline, other.Baseline)
	}
	a, b := r.Result(r.Baseline), other.Result(other.Baseline)
	if a == nil || b == nil || a.Model != b.Model || math.Abs(a.Perplexity.Value/b.Perplexity.Value-1) > sameRun {
		return fmt.Errorf("join reports: %w: the baseline %s was not the same", base.ErrInvalid, r.Baseline)
	}
	for _, o := range other.Results {
		if r.Result(o.Channel) == nil {
			r.Results = append(r.Results, o)
		}
	}
	return nil
}

// Result is a channel's, nil when there is none.
func (r *Report) Result(channel string) *Result {
	for i := range r.Results {
		if r.Results[i].Channel == channel {
			return &r.Results[i]
		}
	}
	return nil
}
