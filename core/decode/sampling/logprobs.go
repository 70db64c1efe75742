package sampling

import (
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Logprobs returns the log-probability of a token under the model's own logits, before any step
// of sampling, with the top most likely tokens, most likely first. Bytes are left to the caller.
// A token whose logit is -Inf has the log-probability -Inf and is never among the most likely.
//
// Errors: ErrLogits, ErrNoToken when every logit is -Inf, base.ErrInvalid for a token or top out
// of range.
func Logprobs(logits []float32, drawn backend.Token, top int) (backend.TokenLogprob, error) {
	if drawn < 0 || int(drawn) >= len(logits) || top < 0 {
		return backend.TokenLogprob{}, fmt.Errorf("%w: log-probability of token %d and the top %d of %d", base.ErrInvalid, drawn, top, len(logits))
	}
	highest, err := topLogit(logits)
	if err != nil {
		return backend.TokenLogprob{}, err
	}
	rest := math.Log(sumExp(logits, highest, 1)) // of ln(sum of e^logit), beyond highest
	logprob := func(logit float32) float32 { return float32(float64(logit) - float64(highest) - rest) }

	p := backend.TokenLogprob{Token: drawn, Logprob: logprob(logits[drawn])}
	if top == 0 {
		return p, nil
	}
	top = min(top, len(logits))
	best, _ := topK(make([]candidate, 0, bufferFor(top, len(logits))), logits, top)
	slices.SortFunc(best, compare)
	p.Top = make([]backend.TokenLogprob, len(best))
	for i, c := range best {
		p.Top[i] = backend.TokenLogprob{Token: c.token, Logprob: logprob(c.logit)}
	}
	return p, nil
}
