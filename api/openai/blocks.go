package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/router"
)

// blockKind is what a block of an answer is.
type blockKind int

const (
	thoughtBlock blockKind = iota
	textBlock
	callBlock
)

// block is a stretch of one kind.
type block struct {
	kind   blockKind
	index  int
	id     string // of the block
	callID string
	name   string // of the function
	text   strings.Builder
}

// blockEvent is what happens to a block: it opens, goes on, or closes.
type blockEvent struct {
	*block
	opens, closes bool
	delta         string
}

// blocks divide an answer into stretches, for the APIs that tell it so.
type blocks struct {
	all  []*block
	open bool // the last one
}

// take goes on with a piece and tells what happens.
func (b *blocks) take(p *router.Piece, tell func(blockEvent)) {
	if p.Thought != "" {
		b.add(thoughtBlock, p.Thought, tell)
	}
	if p.Text != "" {
		b.add(textBlock, p.Text, tell)
	}
	for _, c := range p.Calls {
		if c.Name != "" {
			b.close(tell)
			b.begin(&block{kind: callBlock, name: c.Name, callID: NewCallID()}, tell)
		}
		b.add(callBlock, c.Arguments, tell)
	}
}

func (b *blocks) add(kind blockKind, delta string, tell func(blockEvent)) {
	if !b.open || b.all[len(b.all)-1].kind != kind {
		b.close(tell)
		b.begin(&block{kind: kind}, tell)
	}
	last := b.all[len(b.all)-1]
	last.text.WriteString(delta)
	if delta != "" {
		tell(blockEvent{block: last, delta: delta})
	}
}

func (b *blocks) begin(next *block, tell func(blockEvent)) {
	next.index, next.id = len(b.all), newID()
	b.all, b.open = append(b.all, next), true
	tell(blockEvent{block: next, opens: true})
}

// close ends the last block.
func (b *blocks) close(tell func(blockEvent)) {
	if b.open {
		b.open = false
		tell(blockEvent{block: b.all[len(b.all)-1], closes: true})
	}
}

// input is a call's arguments as a JSON object, {} when they were cut short.
func (b *block) input() json.RawMessage {
	if raw := json.RawMessage(b.text.String()); json.Valid(raw) {
		return raw
	}
	return json.RawMessage("{}")
}

// appendJSON appends a value in ASCII.
func appendJSON(b []byte, v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // of values that are made here
	raw := bytes.TrimSpace(out.Bytes())
	for i := 0; i < len(raw); {
		if raw[i] < utf8.RuneSelf {
			b = append(b, raw[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(raw[i:])
		b = appendRune(b, r)
		i += size
	}
	return b
}

// appendEvent appends an event that has a name.
func appendEvent(b []byte, name string, v any) []byte {
	b = append(append(append(b, "event: "...), name...), "\ndata: "...)
	return append(appendJSON(b, v), "\n\n"...)
}
