package openai

import (
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Kind of an endpoint's answers.
type Kind int

// The kinds.
const (
	Chat Kind = iota
	Completion
)

// Head is what all parts of an answer share.
type Head struct {
	ID          string
	Created     int64 // Unix seconds
	Model       string
	Fingerprint string
}

// Done ends a stream.
const Done = "data: [DONE]\n\n"

// Chunks writes the events of a streamed answer, each whole: "data: {...}\n\n". A method's result
// is valid until the next call. Not safe for concurrent use.
type Chunks struct {
	kind     Kind
	usage    bool // the client asked for a usage chunk: the others say "usage":null
	logprobs bool
	opening  []byte // data: {..., up to the value of "choices"
	buf      []byte
	offset   int // characters of the answer so far, for text_offset
}

// NewChunks makes the writer of one stream.
func NewChunks(kind Kind, h Head, usage, logprobs bool) *Chunks {
	object := "chat.completion.chunk"
	if kind == Completion {
		object = "text_completion"
	}
	opening := appendHead([]byte("data: "), h, object)
	return &Chunks{kind: kind, usage: usage, logprobs: logprobs, opening: append(opening, `,"choices":[`...)}
}

// appendHead appends {"id":..., up to the last thing that all parts share.
func appendHead(b []byte, h Head, object string) []byte {
	b = append(b, `{"id":`...)
	b = AppendString(b, h.ID)
	b = append(b, `,"object":"`...)
	b = append(b, object...)
	b = append(b, `","created":`...)
	b = strconv.AppendInt(b, h.Created, 10)
	b = append(b, `,"model":`...)
	b = AppendString(b, h.Model)
	b = append(b, `,"system_fingerprint":`...)
	return AppendString(b, h.Fingerprint)
}

// Begin is the first chunk of a chat, which names the role. A completion has none.
func (c *Chunks) Begin() []byte {
	if c.kind == Completion {
		return nil
	}
	c.buf = append(append(c.buf[:0], c.opening...), `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`...)
	return c.close()
}

// Delta is the chunk of an event, nil when the event has nothing for the client.
func (c *Chunks) Delta(e *backend.Event) []byte {
	if e.Text == "" && (!c.logprobs || len(e.Logprobs) == 0) {
		return nil
	}
	b := append(c.buf[:0], c.opening...)
	if c.kind == Chat {
		b = append(b, `{"index":0,"delta":{"content":"`...)
	} else {
		b = append(b, `{"index":0,"text":"`...)
	}
	b = AppendEscaped(b, e.Text)
	if c.kind == Chat {
		b = append(b, `"},"logprobs":`...)
	} else {
		b = append(b, `","logprobs":`...)
	}
	c.buf = append(c.appendLogprobs(b, e.Logprobs), `,"finish_reason":null}]`...)
	return c.close()
}

func (c *Chunks) appendLogprobs(b []byte, tokens []backend.TokenLogprob) []byte {
	if !c.logprobs || len(tokens) == 0 {
		return append(b, "null"...)
	}
	if c.kind == Chat {
		return appendChatLogprobs(b, tokens)
	}
	b, c.offset = appendTextLogprobs(b, tokens, c.offset)
	return b
}

// End is the chunk that says why the answer ended, with the timings.
func (c *Chunks) End(f *backend.Final) []byte {
	b := append(c.buf[:0], c.opening...)
	if c.kind == Chat {
		b = append(b, `{"index":0,"delta":{},"logprobs":null,"finish_reason":`...)
	} else {
		b = append(b, `{"index":0,"text":"","logprobs":null,"finish_reason":`...)
	}
	b = AppendString(b, string(f.Reason))
	b = append(b, `}],"timings":`...)
	c.buf = appendTimings(b, f)
	return c.close()
}

// Usage is the chunk with the usage, nil unless the client asked for it.
func (c *Chunks) Usage(f *backend.Final) []byte {
	if !c.usage {
		return nil
	}
	b := append(append(c.buf[:0], c.opening...), `],"usage":`...)
	b = appendUsage(b, f)
	b = append(b, `,"timings":`...)
	c.buf = append(appendTimings(b, f), "}\n\n"...)
	return c.buf
}

// Error is the event of an error after the first chunk.
func (c *Chunks) Error(e *Error) []byte {
	c.buf = append(AppendError(append(c.buf[:0], "data: "...), e), "\n\n"...)
	return c.buf
}

// close ends a chunk that is not about usage.
func (c *Chunks) close() []byte {
	if c.usage {
		c.buf = append(c.buf, `,"usage":null`...)
	}
	c.buf = append(c.buf, "}\n\n"...)
	return c.buf
}
