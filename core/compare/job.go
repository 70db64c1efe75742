package compare

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Request is a comparison as a daemon is asked for it, in JSON. What is left out is as in Options, and
// prompts that are left out are the built-in ones.
type Request struct {
	Channels []string `json:"channels"`           // the first is the baseline
	Prompts  []Prompt `json:"prompts,omitempty"`  // given: these
	Prompt   string   `json:"prompt,omitempty"`   // given: only this text
	PerKind  int      `json:"per_kind,omitempty"` // built-in prompts of each kind; 0: DefaultPerKind
	Rounds   int      `json:"rounds,omitempty"`
	Tokens   int      `json:"tokens,omitempty"`
	Level    float64  `json:"level,omitempty"`
	Seed     uint64   `json:"seed,omitempty"` // 0: drawn
	Text     string   `json:"text,omitempty"` // for perplexity
	TextName string   `json:"text_name,omitempty"`
	Context  int      `json:"context,omitempty"`
	Windows  int      `json:"windows,omitempty"`
	NoScores bool     `json:"no_scores,omitempty"`
	FailIf   []string `json:"fail_if,omitempty"` // conditions, see ParseCondition
}

// Completed is the last event of a daemon's answer to a Request.
type Completed struct {
	Type     string    `json:"type"`
	Report   *Report   `json:"report"`
	Failures []Failure `json:"failures,omitempty"` // conditions that hold
}

// Job is a request that was understood. Its Options lack a bench.
type Job struct {
	Options    Options
	Conditions []*Condition
}

// ReadJob reads a Request. Errors are base.ErrInvalid.
func ReadJob(in io.Reader) (*Job, error) {
	var r Request
	d := json.NewDecoder(in)
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: the request is no comparison: %w", base.ErrInvalid, err)
	}
	return r.Job()
}

// Job checks a request.
func (r *Request) Job() (*Job, error) {
	j := &Job{Options: Options{
		Channels: r.Channels, Prompts: r.Prompts, Rounds: r.Rounds, Tokens: r.Tokens, Level: r.Level, Seed: r.Seed,
		Text: r.Text, TextName: r.TextName, Context: r.Context, Windows: r.Windows, NoScores: r.NoScores,
	}}
	switch {
	case r.Prompt != "" && len(r.Prompts) > 0:
		return nil, fmt.Errorf("%w: prompt and prompts cannot both be given", base.ErrInvalid)
	case r.Text != "" && r.NoScores:
		return nil, fmt.Errorf("%w: text is for scores, which no_scores leaves out", base.ErrInvalid)
	case r.Prompt != "":
		j.Options.Prompts = []Prompt{TextPrompt("prompt", r.Prompt)}
	case len(r.Prompts) == 0:
		if r.PerKind == 0 {
			r.PerKind = DefaultPerKind
		}
		var err error
		if j.Options.Prompts, err = BuiltIn(r.PerKind); err != nil {
			return nil, err
		}
	}
	for _, text := range r.FailIf {
		c, err := ParseCondition(text)
		if err != nil {
			return nil, err
		}
		j.Conditions = append(j.Conditions, c)
	}
	_, err := j.Options.resolved()
	return j, err
}
