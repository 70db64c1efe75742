package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

//go:generate go run ./gen schema.json

// Schema names the form of a report's JSON. It changes when a field changes its meaning.
const Schema = "kakeyad-compare/1"

// Report is what a comparison found. schema.json describes its JSON.
type Report struct {
	Schema  string    `json:"schema" jsonschema:"enum=kakeyad-compare/1"`
	Version string    `json:"version"` // of kakeyad
	Created time.Time `json:"created"`
	Machine Machine   `json:"machine"`

	Settings Settings `json:"settings"`
	Prompts  []Prompt `json:"prompts"`

	// Channels are in the order they were named; the first is the baseline.
	Channels  []Result  `json:"channels"`
	Processes []Process `json:"processes"`

	// Samples are all answers, in the order they were given.
	Samples []Sample `json:"samples"`
}

// Machine is what the comparison ran on.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"` // that the process may use
}

// Settings are what was asked for.
type Settings struct {
	Rounds  int     `json:"rounds"`
	Tokens  int     `json:"tokens"` // most of an answer
	Seed    uint64  `json:"seed"`
	Level   float64 `json:"level"`             // at which the intervals of speed hold together
	Error   float64 `json:"error"`             // that each of them may have
	Text    string  `json:"text,omitempty"`    // name of the one for perplexity
	Context int     `json:"context,omitempty"` // tokens of its windows
}

// Sample is one answer.
type Sample struct {
	Channel    int     `json:"channel"` // index
	Prompt     int     `json:"prompt"`  // index
	Round      int     `json:"round"`
	Place      int     `json:"place"` // among the channels, in time
	FirstMS    float64 `json:"first_ms"`
	PrefillMS  float64 `json:"prefill_ms"`
	GenerateMS float64 `json:"generate_ms"`
	Computed   int     `json:"computed_tokens"` // of the prompt
	Output     int     `json:"output_tokens"`
	Drafted    int     `json:"drafted,omitempty"`
	Accepted   int     `json:"accepted,omitempty"`
}

// Result is what was found of one channel.
type Result struct {
	Label   string `json:"label"`   // its name, with a number if it was named twice
	Channel string `json:"channel"` // its name
	ID      string `json:"id"`      // of its composition
	Backend string `json:"backend"`
	Codec   string `json:"codec,omitempty"`
	Drafter string `json:"drafter,omitempty"`
	Model   Model  `json:"model"`

	First      Speed `json:"first_token_ms"`
	Prefill    Speed `json:"prefill_tps"`    // tokens of prompts computed a second
	Generation Speed `json:"generation_tps"` // tokens generated a second, the first not counted

	Draft  *Draft `json:"draft,omitempty"`
	Memory Memory `json:"memory"`
	KV     KV     `json:"kv"`

	Parking *Parking `json:"parking,omitempty"` // nil: the channel parks nothing, or see Notes

	// Steady is false when the channel's own greedy answers to a prompt were not the same in every
	// round.
	Steady  bool     `json:"steady"`
	Outputs *Outputs `json:"outputs,omitempty"` // against the baseline's; nil for itself

	Agreement  *Agreement  `json:"agreement,omitempty"` // with the baseline
	Perplexity *Perplexity `json:"perplexity,omitempty"`

	Notes []string `json:"notes,omitempty"` // what was not measured, and why
}

// Model is what a channel runs.
type Model struct {
	Name         string `json:"name"`
	Architecture string `json:"architecture"`
	Quantization string `json:"quantization"`
	Layers       int    `json:"layers"`
	KVHeads      int    `json:"kv_heads"`
	HeadDim      int    `json:"head_dim"`
	Vocabulary   int    `json:"vocabulary"`
}

// Speed is a time or a speed over all answers.
type Speed struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // first quartile
	High   float64 `json:"high"` // third quartile
	N      int     `json:"n"`
	Ratio  *Ratio  `json:"ratio,omitempty"` // to the baseline's; nil for itself, or where there is no pair
}

// Ratio is that of a channel to the baseline.
type Ratio struct {
	Value float64 `json:"value"` // Hodges-Lehmann median of Units
	Pairs int     `json:"pairs"` // answers of both, to the same prompt in the same round

	// Units are the ratios that the interval is made of: one a prompt, or, where prompts are too
	// few, one a pair. Then the interval holds for these prompts alone.
	Units  []float64 `json:"units"`
	Paired string    `json:"paired_by" jsonschema:"enum=prompt,enum=answer"`

	// Low and High are the interval's ends; both 0 when Units are too few for one.
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Verdict Verdict `json:"verdict" jsonschema:"enum=faster,enum=slower,enum=no difference found,enum=too few to tell"`
}

// Verdict is what an interval says of a channel.
type Verdict string

// The verdicts.
const (
	Faster    Verdict = "faster"
	Slower    Verdict = "slower"
	NoFinding Verdict = "no difference found"
	TooFew    Verdict = "too few to tell"
)

// Draft is what was drafted over all answers.
type Draft struct {
	Drafted   int     `json:"drafted"` // tokens verified
	Accepted  int     `json:"accepted"`
	Percent   float64 `json:"accepted_percent"`
	Committed float64 `json:"mean_committed"` // tokens a verification, the model's own included
}

// Memory is that of the loaded model, in bytes, as its backend tells it.
type Memory struct {
	Weights int64 `json:"weights"`
	KV      int64 `json:"kv"` // of all cells
	Compute int64 `json:"compute"`
}

// Total is all of it.
func (m Memory) Total() int64 { return m.Weights + m.KV + m.Compute }

// KV is what a token's keys and values take in all layers, in bytes.
type KV struct {
	BytesPerToken   float64 `json:"bytes_per_token"`   // in the backend's own cache
	NominalPerToken float64 `json:"nominal_per_token"` // in f16
}

// Parking is a conversation that was parked, and went on when its pages were restored.
type Parking struct {
	Tokens         int     `json:"tokens"`             // of the conversation
	ParkedTokens   int     `json:"parked_tokens"`      // of these, in whole pages
	ParkedBytes    int64   `json:"parked_bytes"`       // of these, as they are kept
	NominalBytes   int64   `json:"nominal_bytes"`      // of these, in f16
	RestoredTokens int     `json:"restored_tokens"`    // brought back when the conversation went on
	RestoredBytes  int64   `json:"restored_bytes"`     // of these, packed
	RestoreMS      float64 `json:"restore_ms"`         // that bringing back took
	ComputeMS      float64 `json:"compute_ms"`         // that computing the conversation anew took
	PartsAt        *int    `json:"parts_at,omitempty"` // token at which what follows differs from what follows a cache that was computed anew; nil: nowhere
}

// BytesPerToken are those that a parked token takes.
func (p *Parking) BytesPerToken() float64 { return float64(p.ParkedBytes) / float64(p.ParkedTokens) }

// Outputs tells of greedy answers, those of the first round.
type Outputs struct {
	Equal int    `json:"equal"` // prompts with the baseline's answer, token for token
	Of    int    `json:"of"`
	Parts []Part `json:"parts,omitempty"` // the others
}

// Part is where two answers part.
type Part struct {
	Prompt   int    `json:"prompt"` // index
	Token    int    `json:"token"`  // first that differs; -1: the models have other tokens, At counts bytes
	At       int    `json:"at"`     // bytes of text before it
	Before   string `json:"before"` // end of what both say
	Baseline string `json:"baseline"`
	Own      string `json:"own"`
}

// Agreement is how near a channel's next-token distributions are to the baseline's, under the
// baseline's own answers.
type Agreement struct {
	Tokens int `json:"tokens"`
	// KL is the mean divergence of the channel's distributions from the baseline's, in nats a token.
	KL eval.Estimate `json:"kl"`
	// Top1 is how often both hold the same token likeliest, in percent.
	Top1 eval.Estimate `json:"top1_percent"`
}

// Perplexity is that of the text.
type Perplexity struct {
	Tokens      int           `json:"tokens"`
	Value       eval.Estimate `json:"value"`
	BitsPerByte float64       `json:"bits_per_byte"` // comparable between tokenizers
	// Change is against the baseline, paired over tokens, with a 95 % interval; nil for itself and
	// where tokens are not the same.
	Change *eval.Change `json:"change,omitempty"`
}

// Write writes a report as JSON.
func (r *Report) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Read reads what Write wrote. Another schema is base.ErrUnsupported.
func Read(in io.Reader) (*Report, error) {
	var r Report
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return nil, fmt.Errorf("read report: %w: %w", base.ErrCorrupt, err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("read report: %w: its schema is %q, not %q", base.ErrUnsupported, r.Schema, Schema)
	}
	return &r, r.check()
}

// check holds a report to its indices, so that whoever shows it need not.
func (r *Report) check() error {
	bad := len(r.Channels) == 0
	for _, s := range r.Samples {
		bad = bad || s.Channel < 0 || s.Channel >= len(r.Channels) || s.Prompt < 0 || s.Prompt >= len(r.Prompts)
	}
	for i := range r.Channels {
		if o := r.Channels[i].Outputs; o != nil {
			for _, p := range o.Parts {
				bad = bad || p.Prompt < 0 || p.Prompt >= len(r.Prompts)
			}
		}
	}
	if bad {
		return fmt.Errorf("read report: %w: it speaks of prompts or channels that it does not have", base.ErrCorrupt)
	}
	return nil
}
