package eval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Options say what to evaluate.
type Options struct {
	Plugins  Plugins
	Baseline *channel.Channel
	Channels []*channel.Channel // the baseline may be among them
	Texts    []Text
	Context  int    // tokens of a window, at least 2
	Windows  int    // most windows of a text; 0: all
	TempDir  string // for the baseline's distributions; "": the system's
	Version  string // of the report
	Log      *slog.Logger
	Progress func(Progress) // may be nil; never called concurrently
}

// Progress is how far an evaluation has come.
type Progress struct {
	Channel      string
	Number, Of   int // of channels, the baseline first
	Tokens, Size int // scored of this channel
}

// run is an evaluation under way.
type run struct {
	Options
	windows  []Window
	used     []Used
	spool    *Spool
	base     scores
	channels []*channel.Channel // baseline first
}

// scores are what one channel says of all tokens.
type scores struct {
	logp []float64
	top  []backend.Token
	kl   []float64
	took time.Duration
}

// Run evaluates. Models are loaded one after another; nothing stays loaded.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := checkTexts(o.Texts); err != nil {
		return nil, err
	}
	if o.Context < 2 {
		return nil, fmt.Errorf("context: windows of %d tokens: %w", o.Context, base.ErrInvalid)
	}
	r := &run{Options: o, channels: []*channel.Channel{o.Baseline}}
	for _, c := range o.Channels {
		if c.Name != o.Baseline.Name {
			r.channels = append(r.channels, c)
		}
	}
	if r.spool, err = NewSpool(o.TempDir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.spool.Close()) }()
	report := &Report{Schema: Schema, Version: o.Version, Context: o.Context, Baseline: o.Baseline.Name}
	for i, c := range r.channels {
		result, err := r.evaluate(ctx, i, c)
		if err != nil {
			return nil, err
		}
		report.Results = append(report.Results, *result)
	}
	report.Texts, report.Tokens = r.used, scored(r.windows)
	return report, nil
}

// evaluate loads a channel, scores with it and lets it go.
func (r *run) evaluate(ctx context.Context, i int, c *channel.Channel) (_ *Result, err error) {
	l, err := r.load(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close(ctx)) }()
	if err := r.tokenize(ctx, l, i == 0); err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	s, err := r.score(ctx, i, l)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	if i == 0 {
		r.base = s
	}
	return r.result(l, s), nil
}

// tokenize cuts the texts into windows with the baseline's model, and holds the others' to having
// the same tokens.
func (r *run) tokenize(ctx context.Context, l *loaded, isBase bool) error {
	var windows []Window
	var used []Used
	for _, t := range r.Texts {
		tokens, err := l.backend.Tokenize(ctx, backend.TokenizeRequest{Model: l.id, Text: t.Body})
		if err != nil {
			return fmt.Errorf("text %s: %w", t.Name, err)
		}
		w := Cut(tokens, Begin(l.info), r.Context, r.Windows)
		if len(w) == 0 {
			return fmt.Errorf("text %s: %w: it has no two tokens", t.Name, base.ErrInvalid)
		}
		windows = append(windows, w...)
		used = append(used, Used{Name: t.Name, SHA256: t.sum(), Windows: len(w), Tokens: scored(w)})
	}
	if isBase {
		r.windows, r.used = windows, used
		return nil
	}
	if !slices.EqualFunc(windows, r.windows, func(a, b Window) bool { return slices.Equal(a, b) }) {
		return fmt.Errorf("%w: its tokens are not those of the baseline %s; only channels of models with the same tokenizer compare",
			base.ErrInvalid, r.Baseline.Name)
	}
	return nil
}

// score scores all windows. The baseline's distributions are kept, the others' compared with them.
func (r *run) score(ctx context.Context, i int, l *loaded) (scores, error) {
	var s scores
	size := scored(r.windows)
	took := time.Now()
	take := r.spool.Add
	if i > 0 {
		next, err := r.spool.Rewind()
		if err != nil {
			return s, err
		}
		p := make(backend.Levels, l.info.Vocabulary)
		take = func(q backend.Levels) error {
			if err := next(p); err != nil {
				return err
			}
			kl, err := Divergence(p, q)
			s.kl = append(s.kl, kl)
			return err
		}
	}
	done := 0
	for _, w := range r.windows {
		if l.tap != nil {
			l.tap.begin()
		}
		result, err := l.backend.Score(ctx, backend.ScoreRequest{
			Model: l.id, Tokens: w, From: 1, TopLogprobs: 1,
			Distribution: func(q backend.Levels) error {
				done++
				r.tell(i, done, size)
				return take(q)
			},
		})
		if err != nil {
			return s, err
		}
		for _, t := range result.Tokens {
			s.logp = append(s.logp, float64(t.Logprob))
			s.top = append(s.top, t.Top[0].Token)
		}
		if l.tap != nil {
			if err := l.tap.end(ctx); err != nil {
				return s, fmt.Errorf("codec %s: %w", l.channel.Codec.Name, err)
			}
		}
	}
	s.took = time.Since(took)
	return s, nil
}

func (r *run) tell(i, done, size int) {
	if r.Progress != nil {
		r.Progress(Progress{Channel: r.channels[i].Name, Number: i + 1, Of: len(r.channels), Tokens: done, Size: size})
	}
}
