package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// run is a comparison under way.
type run struct {
	o        Options
	channels []Channel
	prompts  [][][]backend.Token // [channel][prompt]
	first    [][]Answer          // of the first round, [channel][prompt]
	report   *Report
}

// warmUp is how many tokens every channel answers with before anything counts.
const warmUp = 4

// Run compares. It holds all channels' models loaded while it asks; scoring loads one more at a time.
// Whatever ends it, what it opened is closed.
func Run(ctx context.Context, o Options) (*Report, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	r := &run{o: o, report: &Report{
		Schema: Schema, Version: o.Version, Created: time.Now().UTC().Truncate(time.Second),
		Machine: Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.GOMAXPROCS(0)},
		Settings: Settings{
			Rounds: o.Rounds, Tokens: o.Tokens, Seed: o.Seed, Level: o.Level, Error: errorOfEach(o.Level, len(o.Channels)),
		},
		Prompts: o.Prompts,
	}}
	defer func() {
		for _, c := range r.channels {
			c.Close()
		}
	}()
	for _, step := range []func(context.Context) error{r.open, r.ask, r.scores, r.park} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.report.Processes = o.Bench.Processes()
	return r.report, nil
}

// open opens all channels, and has each answer a little.
func (r *run) open(ctx context.Context) error {
	for i, name := range r.o.Channels {
		r.tell("loading", name, i, len(r.o.Channels))
		c, err := r.o.Bench.Open(ctx, name)
		if err != nil {
			return named(name, err)
		}
		r.channels = append(r.channels, c)
		r.report.Channels = append(r.report.Channels, r.describe(c.Info()))
		tokens := make([][]backend.Token, len(r.o.Prompts))
		for p := range r.o.Prompts {
			if tokens[p], err = c.Prompt(ctx, r.o.Prompts[p]); err != nil {
				return named(name, fmt.Errorf("%s: %w", r.o.Prompts[p].Name, err))
			}
			if room := c.Info().Model.Options.Context; room > 0 && len(tokens[p])+r.o.Tokens > room {
				return named(name, fmt.Errorf("%w: %s has %d tokens; with %d of an answer they are more than its context of %d",
					base.ErrInvalid, r.o.Prompts[p].Name, len(tokens[p]), r.o.Tokens, room))
			}
		}
		r.prompts = append(r.prompts, tokens)
		if _, err := c.Answer(ctx, tokens[0], warmUp); err != nil {
			return named(name, err)
		}
	}
	return nil
}

// describe is a result of which nothing is measured yet.
func (r *run) describe(i Info) Result {
	label, times := i.Name, 1
	for _, other := range r.report.Channels {
		if other.Channel == i.Name {
			times++
			label = fmt.Sprintf("%s (%d)", i.Name, times)
		}
	}
	m := i.Model
	return Result{
		Label: label, Channel: i.Name, ID: i.ID, Backend: i.Backend, Codec: i.Codec, Drafter: i.Drafter,
		Model: Model{
			Name: m.Name, Architecture: m.Architecture, Quantization: m.Quantization,
			Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim, Vocabulary: m.Vocabulary,
		},
		Memory: Memory{Weights: m.Memory.Weights, KV: m.Memory.KV, Compute: m.Memory.Compute},
		KV:     kvOf(m),
		Steady: true,
	}
}

// kvOf is what a token takes. A backend whose cache is f16 knows layers that differ from the first.
func kvOf(m backend.ModelInfo) KV {
	out := KV{BytesPerToken: float64(m.Memory.KVBytesPerToken), NominalPerToken: float64(2 * 2 * m.Layers * m.KVHeads * m.HeadDim)}
	if m.Options.KVTypeK == backend.DefaultKVType && m.Options.KVTypeV == backend.DefaultKVType {
		out.NominalPerToken = out.BytesPerToken
	}
	return out
}

// ask puts all prompts to all channels, round by round.
func (r *run) ask(ctx context.Context) error {
	n := len(r.channels)
	r.first = make([][]Answer, n)
	for c := range r.first {
		r.first[c] = make([]Answer, len(r.o.Prompts))
	}
	drafts := make([]backend.DraftStats, n)
	blocks := plan(len(r.o.Prompts), r.o.Rounds, n, r.o.Seed)
	for i, b := range blocks {
		for where, c := range b.order {
			result := &r.report.Channels[c]
			r.tell("asking", result.Label, i*n+where, len(blocks)*n)
			a, err := r.channels[c].Answer(ctx, r.prompts[c][b.prompt], r.o.Tokens)
			if err != nil {
				return named(result.Label, fmt.Errorf("%s: %w", r.o.Prompts[b.prompt].Name, err))
			}
			drafts[c].Add(a.Draft)
			if b.round == 0 {
				r.first[c][b.prompt] = a
			} else if !slices.Equal(a.Tokens, r.first[c][b.prompt].Tokens) {
				result.Steady = false
			}
			r.report.Samples = append(r.report.Samples, sample(b, where, c, a))
		}
	}
	r.report.speeds()
	for c := range r.channels {
		result := &r.report.Channels[c]
		result.Draft = draftOf(drafts[c])
		if c > 0 {
			var err error
			if result.Outputs, err = r.outputs(ctx, c); err != nil {
				return named(result.Label, err)
			}
		}
	}
	return nil
}

// park has each channel park a conversation and go on with it: that of the longest prompt. All
// channels are closed for it, as their models are unloaded.
func (r *run) park(ctx context.Context) error {
	for _, c := range r.channels {
		c.Close()
	}
	r.channels = nil
	for i := range r.report.Channels {
		result := &r.report.Channels[i]
		r.tell("parking", result.Label, i, len(r.report.Channels))
		longest := slices.MaxFunc(r.prompts[i], func(a, b []backend.Token) int { return cmp.Compare(len(a), len(b)) })
		var err error
		result.Parking, err = r.o.Bench.Park(ctx, result.Channel, longest, r.o.Tokens)
		switch {
		case errors.Is(err, ErrNotParked):
			result.note(err.Error())
		case err != nil:
			return named(result.Label, err)
		case result.Parking != nil && result.Parking.ParkedTokens == 0:
			result.note("the longest conversation is too short to be parked: it has no whole page")
		}
	}
	return nil
}

func sample(b block, where, channel int, a Answer) Sample {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Sample{
		Channel: channel, Prompt: b.prompt, Round: b.round, Place: where,
		FirstMS: ms(a.First), PrefillMS: ms(a.Prefill), GenerateMS: ms(a.Generate),
		Computed: a.Prompt, Output: len(a.Tokens), Drafted: a.Draft.Drafted, Accepted: a.Draft.Accepted,
	}
}

// draftOf is nil where nothing was drafted.
func draftOf(d backend.DraftStats) *Draft {
	if d.Drafted == 0 {
		return nil
	}
	return &Draft{
		Drafted: d.Drafted, Accepted: d.Accepted,
		Percent: 100 * float64(d.Accepted) / float64(d.Drafted), Committed: d.Committed(),
	}
}

func (r *Result) note(text string) { r.Notes = append(r.Notes, text) }

func (r *run) tell(stage, channel string, done, all int) {
	if r.o.Progress != nil {
		r.o.Progress(Progress{Stage: stage, Channel: channel, Done: done, All: all})
	}
}

func named(channel string, err error) error { return fmt.Errorf("channel %s: %w", channel, err) }
