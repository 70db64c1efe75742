package compare

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// How much of two answers is shown where they part, in bytes.
const (
	shownBefore = 80
	shownAfter  = 160
)

// outputs compares a channel's answers with the baseline's, those of the first round.
func (r *run) outputs(ctx context.Context, channel int) (*Outputs, error) {
	out := &Outputs{Of: len(r.o.Prompts)}
	for p := range r.o.Prompts {
		a, b := r.first[0][p].Tokens, r.first[channel][p].Tokens
		alike := slices.Equal(r.prompts[0][p], r.prompts[channel][p])
		if alike && slices.Equal(a, b) {
			out.Equal++
			continue
		}
		part, err := r.part(ctx, channel, alike, a, b)
		if err != nil {
			return nil, err
		}
		if part == nil { // other tokens, the same text
			out.Equal++
			continue
		}
		part.Prompt = p
		out.Parts = append(out.Parts, *part)
	}
	return out, nil
}

// part is where two answers part. With alike, tokens mean the same to both. Nil: they say the same.
func (r *run) part(ctx context.Context, channel int, alike bool, a, b []backend.Token) (*Part, error) {
	out := &Part{Token: -1}
	var before, own, baseline string
	var err error
	if alike {
		out.Token = Common(a, b)
		if before, err = r.channels[0].Text(ctx, a[:out.Token]); err != nil {
			return nil, err
		}
		if baseline, err = r.channels[0].Text(ctx, a[out.Token:]); err != nil {
			return nil, err
		}
		if own, err = r.channels[channel].Text(ctx, b[out.Token:]); err != nil {
			return nil, err
		}
	} else {
		if baseline, err = r.channels[0].Text(ctx, a); err != nil {
			return nil, err
		}
		if own, err = r.channels[channel].Text(ctx, b); err != nil {
			return nil, err
		}
		if own == baseline {
			return nil, nil
		}
		at := Common([]byte(baseline), []byte(own))
		for at > 0 && at < len(baseline) && !utf8.RuneStart(baseline[at]) {
			at--
		}
		before, baseline, own = baseline[:at], baseline[at:], own[at:]
	}
	out.At = len(before)
	out.Before = strings.ToValidUTF8(before[max(0, len(before)-shownBefore):], "")
	out.Baseline, out.Own = shown(baseline), shown(own)
	return out, nil
}

// Common is how many first elements are the same.
func Common[T comparable](a, b []T) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func shown(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), shownAfter)], "")
}
