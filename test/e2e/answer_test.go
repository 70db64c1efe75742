package e2e

import (
	"math"
	"sync/atomic"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answer is a greedy answer with what it takes to compare it with another.
type answer struct {
	text   string
	reason string
	cached int64
	tokens []openai.ChatCompletionTokenLogprob
}

func prompt(p openai.ChatCompletionNewParams) string {
	return p.Messages[len(p.Messages)-1].OfUser.Content.OfString.Value
}

func ask(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams) answer {
	t.Helper()
	got, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	choice := got.Choices[0]
	return answer{choice.Message.Content, choice.FinishReason, got.Usage.PromptTokensDetails.CachedTokens, choice.Logprobs.Content}
}

func collect(stream *ssestream.Stream[openai.ChatCompletionChunk]) answer {
	var a answer
	for stream.Next() {
		chunk := stream.Current()
		if len(chunk.Choices) == 0 {
			a.cached = chunk.Usage.PromptTokensDetails.CachedTokens
			continue
		}
		choice := chunk.Choices[0]
		a.text += choice.Delta.Content
		a.tokens = append(a.tokens, choice.Logprobs.Content...)
		if choice.FinishReason != "" {
			a.reason = choice.FinishReason
		}
	}
	return a
}

// tieCount counts comparisons, and those that parted at a proven near-tie.
type tieCount struct{ compared, excused atomic.Int64 }

func (c *tieCount) report(t *testing.T) {
	t.Helper()
	t.Logf("%d answers compared, %d parted at a proven near-tie", c.compared.Load(), c.excused.Load())
}

// roundingFloor is the rounding between batch shapes that is believed without a measurement: the
// resolution to which f16 keys and values let a log-probability be known.
const roundingFloor = 1e-3

// sameAnswer demands equal greedy answers. Batches of different shapes round differently, so two
// answers may part where the model itself is undecided; that is excused only if proven: where they
// part, the gap between the two candidates is within twice the rounding that was measured on the
// tokens before (the largest difference of a log-probability that both answers report).
func sameAnswer(t *testing.T, want, got answer, ties *tieCount) {
	t.Helper()
	ties.compared.Add(1)
	if want.text == got.text {
		assert.Equal(t, want.reason, got.reason)
		return
	}
	rounding := roundingFloor
	for i := range min(len(want.tokens), len(got.tokens)) {
		a, b := want.tokens[i], got.tokens[i]
		if a.Token == b.Token {
			rounding = math.Max(rounding, math.Abs(a.Logprob-b.Logprob))
			continue
		}
		gap := func(x openai.ChatCompletionTokenLogprob) float64 {
			return x.TopLogprobs[0].Logprob - x.TopLogprobs[1].Logprob
		}
		if !assert.LessOrEqual(t, math.Max(gap(a), gap(b)), 2*rounding,
			"answers part at token %d (%q against %q) and it is no near-tie\nwant %q\ngot  %q", i, a.Token, b.Token, want.text, got.text) {
			return
		}
		ties.excused.Add(1)
		return
	}
	assert.Fail(t, "answers differ though their tokens do not", "want %q\ngot  %q", want.text, got.text)
}
