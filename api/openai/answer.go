package openai

import (
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Answer gathers the events of an answer that is not streamed.
type Answer struct {
	text     strings.Builder
	logprobs []backend.TokenLogprob
	final    backend.Final
}

// Add takes the next event. It is an emit of backend.Backend.Generate.
func (a *Answer) Add(e backend.Event) error {
	a.text.WriteString(e.Text)
	a.logprobs = append(a.logprobs, e.Logprobs...)
	if e.Final != nil {
		a.final = *e.Final
	}
	return nil
}

// Append appends the whole answer.
func (a *Answer) Append(b []byte, kind Kind, h Head, logprobs bool) []byte {
	if kind == Chat {
		b = appendHead(b, h, "chat.completion")
		b = append(b, `,"choices":[{"index":0,"message":{"role":"assistant","content":`...)
		b = AppendString(b, a.text.String())
		b = append(b, `,"refusal":null},"logprobs":`...)
	} else {
		b = appendHead(b, h, "text_completion")
		b = append(b, `,"choices":[{"index":0,"text":`...)
		b = AppendString(b, a.text.String())
		b = append(b, `,"logprobs":`...)
	}
	switch {
	case !logprobs:
		b = append(b, "null"...)
	case kind == Chat:
		b = appendChatLogprobs(b, a.logprobs)
	default:
		b, _ = appendTextLogprobs(b, a.logprobs, 0)
	}
	b = append(b, `,"finish_reason":`...)
	b = AppendString(b, string(a.final.Reason))
	b = append(b, `}],"usage":`...)
	b = appendUsage(b, &a.final)
	b = append(b, `,"timings":`...)
	return append(appendTimings(b, &a.final), '}')
}

// Final returns the event that closed the answer.
func (a *Answer) Final() *backend.Final { return &a.final }
