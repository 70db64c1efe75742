package ngram

import (
	"fmt"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// params are the drafter's settings.
type params struct {
	most     int // tokens of a proposal
	shortest int // match that is worth proposing
	shared   int // tokens that the shared index keeps; 0: there is none
}

// Keys and defaults of the parameters.
const (
	keyMost     = "max_draft"
	keyShortest = "min_match"
	keyShared   = "shared_tokens"

	defaultMost     = 24
	defaultShortest = 2
	defaultShared   = 1 << 18
	maxShared       = 1 << 26
)

func parse(p drafter.Params) (params, error) {
	out := params{most: defaultMost, shortest: defaultShortest, shared: defaultShared}
	for key, text := range p {
		var to *int
		var low, high int
		switch key {
		case keyMost:
			to, low, high = &out.most, 1, drafter.MaxProposal
		case keyShortest:
			to, low, high = &out.shortest, 1, longest
		case keyShared:
			to, low, high = &out.shared, 0, maxShared
		default:
			return out, fmt.Errorf("%s: %w: the drafter ngram has %s, %s and %s", key, base.ErrInvalid, keyMost, keyShortest, keyShared)
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return out, fmt.Errorf("%s: %w: %q is not a whole number between %d and %d", key, base.ErrInvalid, text, low, high)
		}
		*to = n
	}
	return out, nil
}
