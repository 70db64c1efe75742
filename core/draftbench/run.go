package draftbench

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Options say what to measure.
type Options struct {
	URL      string   // of the daemon, http://host:port
	Key      string   // API key, "" for none
	Channel  string   // without a drafter
	Drafters []string // their names: Channel+name is asked
	Prompts  int      // of each kind, at most PerKind
	Tokens   int      // most of an answer
	Streams  int      // answers at once; 1: one after another, and speeds are told
	Kinds    []Kind   // nil: all
	Progress func(done, all int)
}

// Result is what one drafter did for one kind of prompt.
type Result struct {
	Kind    Kind   `json:"kind"`
	Drafter string `json:"drafter"`

	Answers   int      `json:"answers"`
	Different []string `json:"different,omitempty"` // where answers were not the same

	Plain     float64   `json:"plain_tokens_per_second"`
	Drafting  float64   `json:"tokens_per_second"`
	Ratio     float64   `json:"ratio"`  // of the times of all answers
	Ratios    []float64 `json:"ratios"` // of each prompt, ascending
	Drafted   int       `json:"drafted"`
	Accepted  int       `json:"accepted"`
	Committed float64   `json:"mean_committed"` // tokens a verification
	Off       int       `json:"switched_off"`   // answers that ended without drafting
	Verify    float64   `json:"verify_ms"`
	Propose   float64   `json:"propose_ms"`

	verified         int
	plainMS, draftMS float64
	plainN, draftN   int
}

// Run measures. The first answer of each channel, which may load its model, does not count.
func Run(ctx context.Context, o Options) ([]Result, error) {
	if o.Prompts < 1 || o.Prompts > PerKind {
		return nil, fmt.Errorf("prompts: %d are not between 1 and %d of each kind", o.Prompts, PerKind)
	}
	if o.Kinds == nil {
		o.Kinds = Kinds
	}
	c := &client{url: o.URL, key: o.Key}
	channels := []string{o.Channel}
	for _, d := range o.Drafters {
		channels = append(channels, o.Channel+"+"+d)
	}
	for _, name := range channels {
		if _, err := c.ask(ctx, name, "Hello.", 4); err != nil {
			return nil, fmt.Errorf("channel %q: %w", name, err)
		}
	}
	var out []Result
	done := 0
	for _, kind := range o.Kinds {
		answers, err := o.answers(ctx, c, kind, channels, func() {
			done++
			if o.Progress != nil {
				o.Progress(done, len(o.Kinds)*o.Prompts)
			}
		})
		if err != nil {
			return nil, err
		}
		for d, drafter := range o.Drafters {
			r := Result{Kind: kind, Drafter: drafter}
			for i := range answers {
				r.add(i, answers[i][0], answers[i][1+d])
			}
			r.finish()
			out = append(out, r)
		}
	}
	return out, nil
}

// answers asks all prompts of a kind, [prompt][channel]. The channels take turns in going first.
func (o *Options) answers(ctx context.Context, c *client, kind Kind, channels []string, tick func()) ([][]answer, error) {
	out := make([][]answer, o.Prompts)
	for i := range out {
		out[i] = make([]answer, len(channels))
	}
	if o.Streams <= 1 {
		for i := range out {
			for k := range channels {
				n := (i + k) % len(channels)
				var err error
				if out[i][n], err = c.ask(ctx, channels[n], Prompt(kind, i), o.Tokens); err != nil {
					return nil, fmt.Errorf("channel %q: %w", channels[n], err)
				}
			}
			tick()
		}
		return out, nil
	}
	for n, name := range channels {
		if err := o.together(ctx, len(out), func(i int) (err error) {
			out[i][n], err = c.ask(ctx, name, Prompt(kind, i), o.Tokens)
			return err
		}); err != nil {
			return nil, fmt.Errorf("channel %q: %w", name, err)
		}
	}
	for range out {
		tick()
	}
	return out, nil
}

// together calls work for each number below n, Streams of them at once, and returns the first error.
func (o *Options) together(ctx context.Context, n int, work func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var all sync.WaitGroup
	for range o.Streams {
		all.Go(func() {
			for i := range numbers {
				if err := work(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case numbers <- i:
		case <-ctx.Done():
		}
	}
	close(numbers)
	all.Wait()
	return context.Cause(ctx)
}

func (r *Result) add(prompt int, plain, drafted answer) {
	r.Answers++
	if !plain.same(drafted) {
		r.Different = append(r.Different, fmt.Sprintf("prompt %d: %s", prompt, plain.difference(drafted)))
	}
	p, d := plain.timings, drafted.timings
	r.plainMS, r.draftMS = r.plainMS+p.MS, r.draftMS+d.MS
	r.plainN, r.draftN = r.plainN+p.Tokens-1, r.draftN+d.Tokens-1
	if p.Tokens > 1 && d.Tokens > 1 && p.MS > 0 && d.MS > 0 {
		r.Ratios = append(r.Ratios, p.MS/float64(p.Tokens-1)/(d.MS/float64(d.Tokens-1)))
	}
	r.Drafted, r.Accepted, r.verified = r.Drafted+d.Drafted, r.Accepted+d.Accepted, r.verified+d.verified()
	r.Verify, r.Propose = r.Verify+d.Verify, r.Propose+d.Propose
	if d.Off != "" {
		r.Off++
	}
}

func (r *Result) finish() {
	slices.Sort(r.Ratios)
	if r.plainMS > 0 && r.draftMS > 0 && r.draftN > 0 {
		r.Plain, r.Drafting = 1000*float64(r.plainN)/r.plainMS, 1000*float64(r.draftN)/r.draftMS
		r.Ratio = r.Drafting / r.Plain
	}
	if r.verified > 0 {
		r.Committed = float64(r.Accepted+r.verified) / float64(r.verified)
	}
}

// Quantile is that of the prompts' own ratios.
func (r *Result) Quantile(q float64) float64 {
	if len(r.Ratios) == 0 {
		return 0
	}
	return r.Ratios[int(q*float64(len(r.Ratios)-1)+0.5)]
}
