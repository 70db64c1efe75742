package compare

import (
	"fmt"
	"math/rand/v2"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Options say what to compare.
type Options struct {
	Bench    Bench
	Channels []string // the first is the baseline; one may be named twice
	Prompts  []Prompt
	Rounds   int     // how often every prompt is asked of every channel; 0: DefaultRounds
	Tokens   int     // most of an answer; 0: DefaultTokens
	Level    float64 // at which a report's intervals of speed hold together; 0: DefaultLevel
	Seed     uint64  // of the order

	Text     string // for perplexity; "": none is measured
	TextName string
	Context  int // tokens of a window of the text; 0: DefaultContext
	Windows  int // most windows; 0: DefaultWindows

	NoScores bool // leave out distributions: no KL, no top-1, no perplexity

	TempDir  string // for the baseline's distributions; "": the system's
	Version  string // of the report
	Progress func(Progress)
}

// What zero Options stand for.
const (
	DefaultRounds  = 5
	DefaultTokens  = 64
	DefaultLevel   = 0.999
	DefaultPerKind = 5 // built-in prompts
	DefaultContext = 512
	DefaultWindows = 8
)

// The most that is compared at once.
const (
	MaxChannels = 8
	MaxPrompts  = 1000
	MaxRounds   = 100
	MaxTokens   = 4096
)

// Progress is how far a comparison has come.
type Progress struct {
	Stage   string `json:"stage"` // "loading", "asking", "scoring", "parking"
	Channel string `json:"channel"`
	Done    int    `json:"done"` // steps of the stage
	All     int    `json:"all"`
}

// resolved checks the options and fills in what was left to be chosen.
func (o Options) resolved() (Options, error) {
	or := func(v *int, otherwise int) {
		if *v == 0 {
			*v = otherwise
		}
	}
	or(&o.Rounds, DefaultRounds)
	or(&o.Tokens, DefaultTokens)
	or(&o.Context, DefaultContext)
	or(&o.Windows, DefaultWindows)
	if o.Level == 0 {
		o.Level = DefaultLevel
	}
	for _, c := range []struct {
		what        string
		n, low, top int
	}{
		{"channels", len(o.Channels), 2, MaxChannels}, {"prompts", len(o.Prompts), 1, MaxPrompts},
		{"rounds", o.Rounds, 1, MaxRounds}, {"tokens", o.Tokens, 2, MaxTokens},
		{"context", o.Context, 2, 1 << 20}, {"windows", o.Windows, 1, 1 << 20},
	} {
		if c.n < c.low || c.n > c.top {
			return o, fmt.Errorf("%w: %s: %d is not between %d and %d", base.ErrInvalid, c.what, c.n, c.low, c.top)
		}
	}
	if !(o.Level >= 0.5 && o.Level < 1) {
		return o, fmt.Errorf("%w: level: %v is not between 0.5 and 1", base.ErrInvalid, o.Level)
	}
	for i := range o.Prompts {
		if err := o.Prompts[i].Check(); err != nil {
			return o, fmt.Errorf("%w: prompt %d: %w", base.ErrInvalid, i+1, err)
		}
	}
	return o, nil
}

// block is one prompt of one round, through all channels in an order of its own.
type block struct {
	prompt, round int
	order         []int // of channels
}

// plan is the blocks of a comparison. Over all of them every channel has every place in the order
// equally often, to within one, and follows every other equally often with an even number of
// channels; which block has which order, and the order of the prompts in a round, is drawn.
func plan(prompts, rounds, channels int, seed uint64) []block {
	r := rand.New(rand.NewPCG(seed, 0))
	orders := make([][]int, 0, prompts*rounds)
	for len(orders) < cap(orders) {
		orders = append(orders, square(channels, r)...)
	}
	orders = orders[:prompts*rounds]
	var out []block
	for round := range rounds {
		for _, p := range r.Perm(prompts) {
			out = append(out, block{prompt: p, round: round, order: orders[len(out)]})
		}
	}
	return out
}

// square is a Latin square of n, its rows and its symbols shuffled: each symbol once in each place.
// For an even n its rows are Williams': each symbol follows each other once.
func square(n int, r *rand.Rand) [][]int {
	names := r.Perm(n)
	rows := make([][]int, n)
	for i, row := range r.Perm(n) {
		rows[i] = make([]int, n)
		for place := range n {
			step := (place + 1) / 2 // 0, 1, n-1, 2, n-2, ...
			if place%2 == 0 {
				step = n - place/2
			}
			rows[i][place] = names[(row+step)%n]
		}
	}
	return rows
}
