package openai

import (
	"strings"

	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Answer gathers the pieces of an answer that is not streamed.
type Answer struct {
	choices []*choice
	tally   Tally
}

// choice is one of the answers to a request.
type choice struct {
	text, thought strings.Builder
	calls         []*Call
	logprobs      []backend.TokenLogprob
	reason        backend.FinishReason
}

// Call is a call of a function, put together.
type Call struct {
	ID, Name  string
	arguments strings.Builder
}

// Arguments is the JSON object that was written.
func (c *Call) Arguments() string { return c.arguments.String() }

// AddTo takes the next piece of a call into a list of calls.
func AddTo(calls []*Call, d answer.CallDelta) []*Call {
	if d.Index == len(calls) {
		calls = append(calls, &Call{ID: NewCallID(), Name: d.Name})
	}
	calls[d.Index].arguments.WriteString(d.Arguments)
	return calls
}

// NewAnswer gathers the answers to a request that asks for so many answers a prompt.
func NewAnswer(perPrompt int) *Answer { return &Answer{tally: Tally{PerPrompt: perPrompt}} }

// Add takes the next piece.
func (a *Answer) Add(p router.Piece) error {
	for len(a.choices) <= p.Choice {
		a.choices = append(a.choices, &choice{})
	}
	c := a.choices[p.Choice]
	c.text.WriteString(p.Text)
	c.thought.WriteString(p.Thought)
	for _, d := range p.Calls {
		c.calls = AddTo(c.calls, d)
	}
	c.logprobs = append(c.logprobs, p.Logprobs...)
	if p.Final != nil {
		c.reason = p.Final.Reason
		a.tally.Add(&p)
	}
	return nil
}

// Append appends the whole answer.
func (a *Answer) Append(b []byte, kind Kind, h Head, logprobs bool) []byte {
	object := "chat.completion"
	if kind == Completion {
		object = "text_completion"
	}
	b = append(appendHead(b, h, object), `,"choices":[`...)
	for i, c := range a.choices {
		b = appendInt(separate(b, i), `{"index":`, i)
		if kind == Chat {
			b = append(c.appendMessage(append(b, `,"message":`...)), `,"logprobs":`...)
		} else {
			b = AppendString(append(b, `,"text":`...), c.text.String())
			b = append(b, `,"logprobs":`...)
		}
		switch {
		case !logprobs:
			b = append(b, "null"...)
		case kind == Chat:
			b = appendChatLogprobs(b, c.logprobs)
		default:
			b, _ = appendTextLogprobs(b, c.logprobs, 0)
		}
		b = append(b, `,"finish_reason":`...)
		b = append(AppendString(b, string(c.reason)), '}')
	}
	b = append(b, `],"usage":`...)
	b = appendUsage(b, a.Final())
	b = append(b, `,"timings":`...)
	return append(appendTimings(b, a.Final()), '}')
}

func (c *choice) appendMessage(b []byte) []byte {
	b = append(b, `{"role":"assistant","content":`...)
	if c.text.Len() == 0 && len(c.calls) > 0 {
		b = append(b, "null"...)
	} else {
		b = AppendString(b, c.text.String())
	}
	if c.thought.Len() > 0 {
		b = AppendString(append(b, `,"reasoning_content":`...), c.thought.String())
	}
	b = append(b, `,"refusal":null`...)
	for i, call := range c.calls {
		if i == 0 {
			b = append(b, `,"tool_calls":[`...)
		}
		b = AppendString(append(separate(b, i), `{"id":`...), call.ID)
		b = AppendString(append(b, `,"type":"function","function":{"name":`...), call.Name)
		b = AppendString(append(b, `,"arguments":`...), call.Arguments())
		b = append(b, "}}"...)
	}
	if len(c.calls) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// Final returns what closed all answers, added up.
func (a *Answer) Final() *backend.Final { return a.tally.Total() }
