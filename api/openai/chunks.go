package openai

import (
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
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
	choices  int
	opening  []byte // data: {..., up to the value of "choices"
	buf      []byte
	offsets  []int // characters of each answer so far, for text_offset
	tally    Tally
}

// ChunkOptions say what a stream tells.
type ChunkOptions struct {
	Usage     bool
	Logprobs  bool
	Choices   int
	PerPrompt int // of the choices, those that share a prompt
}

// NewChunks makes the writer of one stream.
func NewChunks(kind Kind, h Head, o ChunkOptions) *Chunks {
	object := "chat.completion.chunk"
	if kind == Completion {
		object = "text_completion"
	}
	opening := appendHead([]byte("data: "), h, object)
	return &Chunks{
		kind: kind, usage: o.Usage, logprobs: o.Logprobs, choices: o.Choices, offsets: make([]int, o.Choices),
		opening: append(opening, `,"choices":[`...), tally: Tally{PerPrompt: o.PerPrompt},
	}
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

// Begin is the first chunk of each answer to a chat, which names the role. A completion has none.
func (c *Chunks) Begin() []byte {
	c.buf = c.buf[:0]
	for i := 0; i < c.choices && c.kind == Chat; i++ {
		c.open(i)
		c.buf = append(c.buf, `,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`...)
		c.close()
	}
	return c.buf
}

// Piece is the chunks of a piece, none when it has nothing for the client.
func (c *Chunks) Piece(p *router.Piece) []byte {
	c.buf = c.buf[:0]
	if p.Text != "" || p.Thought != "" || len(p.Calls) > 0 || c.logprobs && len(p.Logprobs) > 0 {
		c.delta(p)
	}
	if p.Final != nil {
		c.end(p)
	}
	return c.buf
}

func (c *Chunks) delta(p *router.Piece) {
	c.open(p.Choice)
	if c.kind == Chat {
		c.buf = appendDelta(append(c.buf, `,"delta":{`...), p)
		c.buf = append(c.buf, `},"logprobs":`...)
	} else {
		c.buf = AppendString(append(c.buf, `,"text":`...), p.Text)
		c.buf = append(c.buf, `,"logprobs":`...)
	}
	switch {
	case !c.logprobs || len(p.Logprobs) == 0:
		c.buf = append(c.buf, "null"...)
	case c.kind == Chat:
		c.buf = appendChatLogprobs(c.buf, p.Logprobs)
	default:
		c.buf, c.offsets[p.Choice] = appendTextLogprobs(c.buf, p.Logprobs, c.offsets[p.Choice])
	}
	c.buf = append(c.buf, `,"finish_reason":null}]`...)
	c.close()
}

// appendDelta appends the fields of a chat's delta.
func appendDelta(b []byte, p *router.Piece) []byte {
	if p.Text != "" || p.Thought == "" && len(p.Calls) == 0 {
		b = AppendString(append(b, `"content":`...), p.Text)
	}
	if p.Thought != "" {
		b = AppendString(append(comma(b), `"reasoning_content":`...), p.Thought)
	}
	for i, d := range p.Calls {
		if i == 0 {
			b = append(comma(b), `"tool_calls":[`...)
		}
		b = appendInt(separate(b, i), `{"index":`, d.Index)
		if d.Name != "" {
			b = AppendString(append(b, `,"id":`...), NewCallID())
			b = append(b, `,"type":"function"`...)
		}
		b = append(b, `,"function":{`...)
		if d.Name != "" {
			b = append(AppendString(append(b, `"name":`...), d.Name), ',')
		}
		b = append(AppendString(append(b, `"arguments":`...), d.Arguments), "}}"...)
	}
	if len(p.Calls) > 0 {
		b = append(b, ']')
	}
	return b
}

// comma separates from a field before.
func comma(b []byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return b
}

// end is the chunk that says why an answer ended, with the timings.
func (c *Chunks) end(p *router.Piece) {
	c.tally.Add(p)
	c.open(p.Choice)
	if c.kind == Chat {
		c.buf = append(c.buf, `,"delta":{},"logprobs":null,"finish_reason":`...)
	} else {
		c.buf = append(c.buf, `,"text":"","logprobs":null,"finish_reason":`...)
	}
	c.buf = append(AppendString(c.buf, string(p.Final.Reason)), `}],"timings":`...)
	c.buf = appendTimings(c.buf, p.Final)
	c.close()
}

// Finish ends the stream, with the usage before if the client asked for it.
func (c *Chunks) Finish() []byte {
	c.buf = c.buf[:0]
	if c.usage {
		total := c.tally.Total()
		c.buf = append(append(c.buf, c.opening...), `],"usage":`...)
		c.buf = append(appendUsage(c.buf, total), `,"timings":`...)
		c.buf = append(appendTimings(c.buf, total), "}\n\n"...)
	}
	c.buf = append(c.buf, Done...)
	return c.buf
}

// Final returns what closed the answers so far, added up.
func (c *Chunks) Final() *backend.Final { return c.tally.Total() }

// Error is the event of an error after the first chunk.
func (c *Chunks) Error(e *Error) []byte {
	c.buf = append(AppendError(append(c.buf[:0], "data: "...), e), "\n\n"...)
	return c.buf
}

// open begins a chunk of one answer.
func (c *Chunks) open(choice int) {
	c.buf = appendInt(append(c.buf, c.opening...), `{"index":`, choice)
}

// close ends a chunk that is not about usage.
func (c *Chunks) close() {
	if c.usage {
		c.buf = append(c.buf, `,"usage":null`...)
	}
	c.buf = append(c.buf, "}\n\n"...)
}
