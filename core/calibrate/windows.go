package calibrate

import (
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Window is how many tokens are learned from at a time.
const Window = 512

// LeastWindows are needed to learn from: predictors have some thousand inputs.
const LeastWindows = 8

// heldOut windows are measured with where no other text is given.
const heldOut = 2

// TooShortError is returned for texts that have too few tokens.
type TooShortError struct{ Have, Need int } // windows

// Error says how much is missing.
func (e *TooShortError) Error() string {
	return fmt.Sprintf("the texts are too short: they have %d whole windows of %d tokens, at least %d are needed (English text of %d KB); give more by --text",
		e.Have, Window, e.Need, (e.Need*Window*4+999)/1000)
}

// pieces are all whole windows of a text, each beginning with first.
func pieces(tokens, first []backend.Token, size int) [][]backend.Token {
	step := size - len(first)
	var out [][]backend.Token
	for ; len(tokens) >= step; tokens = tokens[step:] {
		out = append(out, slices.Concat(first, tokens[:step]))
	}
	return out
}

// share says how many of so many windows each text gives: as many as the others, or all that it has.
func share(have []int, want int) []int {
	out := make([]int, len(have))
	for want > 0 {
		gave := false
		for i := range have {
			if want > 0 && out[i] < have[i] {
				out[i]++
				want--
				gave = true
			}
		}
		if !gave {
			break
		}
	}
	return out
}

// spread takes n windows of a text's, as far apart as they can be.
func spread(of [][]backend.Token, n int) [][]backend.Token {
	out := make([][]backend.Token, n)
	for i := range out {
		out[i] = of[(2*i+1)*len(of)/(2*n)]
	}
	return out
}

// choose takes windows from texts, given as their pieces: the same number of each, from all over it. hold of them
// are held out.
func choose(texts [][][]backend.Token, want, hold int) (learn, held [][]backend.Token, err error) {
	have, all := make([]int, len(texts)), 0
	for i, t := range texts {
		have[i] = len(t)
		all += len(t)
	}
	if all < LeastWindows+hold {
		return nil, nil, &TooShortError{Have: all, Need: LeastWindows + hold}
	}
	for i, n := range share(have, want+hold) {
		learn = append(learn, spread(texts[i], n)...)
	}
	for i := range hold { // from the middle of equal parts, from the last on
		at := (2*(hold-i) - 1) * len(learn) / (2 * hold)
		held = append(held, learn[at])
		learn = slices.Delete(learn, at, at+1)
	}
	return learn, held, nil
}
