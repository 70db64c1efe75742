package openai

import (
	"encoding/json"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Messages is an answer in the shape of Anthropic's API, streamed or whole.
type Messages struct {
	head   Head
	stops  []string // of the request
	blocks blocks
	prompt backend.PromptInfo
	final  backend.Final
	begun  bool
	buf    []byte
}

// NewMessages makes the writer of one answer to a request with these stop sequences.
func NewMessages(h Head, stops []string) *Messages { return &Messages{head: h, stops: stops} }

// callPrefix is what names of calls begin with in this API.
const callPrefix = "toolu_"

type contentBlock struct {
	Type      string          `json:"type"`
	Thinking  *string         `json:"thinking,omitempty"`
	Signature *string         `json:"signature,omitempty"`
	Text      *string         `json:"text,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
}

type messageUsage struct {
	Input   int `json:"input_tokens"`
	Created int `json:"cache_creation_input_tokens"`
	Cached  int `json:"cache_read_input_tokens"`
	Output  int `json:"output_tokens"`
}

type wholeMessage struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      []contentBlock `json:"content"`
	StopReason   *string        `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	Usage        messageUsage   `json:"usage"`
}

// Add takes the next piece of an answer that is not streamed.
func (m *Messages) Add(p router.Piece) error {
	m.note(&p)
	m.blocks.take(&p, func(blockEvent) {})
	return nil
}

func (m *Messages) note(p *router.Piece) {
	if p.Prompt != nil {
		m.prompt = *p.Prompt
	}
	if p.Final != nil {
		m.final = *p.Final
		m.prompt = backend.PromptInfo{Tokens: p.Final.PromptTokens, Cached: p.Final.CachedTokens}
	}
}

// Final returns what closed the answer.
func (m *Messages) Final() *backend.Final { return &m.final }

// Body is the whole answer.
func (m *Messages) Body() []byte {
	out := m.message()
	for _, b := range m.blocks.all {
		out.Content = append(out.Content, blockContent(b, b.text.String(), b.input()))
	}
	out.StopReason, out.StopSequence = m.reason()
	return appendJSON(nil, out)
}

func (m *Messages) message() wholeMessage {
	return wholeMessage{
		ID: m.head.ID, Type: "message", Role: "assistant", Model: m.head.Model, Content: []contentBlock{},
		Usage: messageUsage{Input: m.prompt.Tokens - m.prompt.Cached, Cached: m.prompt.Cached, Output: m.final.OutputTokens},
	}
}

func blockContent(b *block, text string, input json.RawMessage) contentBlock {
	empty := ""
	switch b.kind {
	case thoughtBlock:
		return contentBlock{Type: "thinking", Thinking: &text, Signature: &empty}
	case callBlock:
		return contentBlock{Type: "tool_use", ID: callPrefix + b.callID, Name: b.name, Input: input}
	default:
		return contentBlock{Type: "text", Text: &text}
	}
}

func (m *Messages) reason() (reason, sequence *string) {
	said := "end_turn"
	switch {
	case m.final.Reason == router.FinishCalls:
		said = "tool_use"
	case m.final.Reason == backend.FinishLength:
		said = "max_tokens"
	case slices.Contains(m.stops, m.final.StopString):
		said, sequence = "stop_sequence", &m.final.StopString
	}
	return &said, sequence
}

// Begin says nothing: the first event tells the tokens of the prompt, which the first piece brings.
func (m *Messages) Begin() []byte { return nil }

// Piece is the events of a piece.
func (m *Messages) Piece(p *router.Piece) []byte {
	m.buf = m.buf[:0]
	m.note(p)
	if !m.begun {
		m.begun = true
		m.event("message_start", map[string]any{"message": m.message()})
	}
	m.blocks.take(p, m.tell)
	return m.buf
}

func (m *Messages) tell(e blockEvent) {
	switch {
	case e.opens:
		m.event("content_block_start", map[string]any{"index": e.index, "content_block": blockContent(e.block, "", json.RawMessage("{}"))})
	case e.closes:
		m.event("content_block_stop", map[string]any{"index": e.index})
	default:
		kind, key := "text_delta", "text"
		switch e.kind {
		case thoughtBlock:
			kind, key = "thinking_delta", "thinking"
		case callBlock:
			kind, key = "input_json_delta", "partial_json"
		}
		m.event("content_block_delta", map[string]any{"index": e.index, "delta": map[string]string{"type": kind, key: e.delta}})
	}
}

// Finish ends the stream.
func (m *Messages) Finish() []byte {
	m.buf = m.buf[:0]
	m.blocks.close(m.tell)
	reason, sequence := m.reason()
	m.event("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": reason, "stop_sequence": sequence},
		"usage": m.message().Usage,
	})
	m.event("message_stop", map[string]any{})
	return m.buf
}

// Error is the event of an error.
func (m *Messages) Error(e *Error) []byte {
	m.buf = append(append(m.buf[:0], "event: error\ndata: "...), AppendMessagesError(nil, e)...)
	m.buf = append(m.buf, "\n\n"...)
	return m.buf
}

func (m *Messages) event(kind string, fields map[string]any) {
	fields["type"] = kind
	m.buf = appendEvent(m.buf, kind, fields)
}

// errorTypes of Anthropic's API, by status.
var errorTypes = map[int]string{
	401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
	429: "rate_limit_error", 503: "overloaded_error", 504: "timeout_error",
}

// AppendMessagesError appends an error in the shape of Anthropic's API.
func AppendMessagesError(b []byte, e *Error) []byte {
	kind := errorTypes[e.Status]
	switch {
	case kind != "":
	case e.Status < 500:
		kind = "invalid_request_error"
	default:
		kind = "api_error"
	}
	return appendJSON(b, map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": e.Message}})
}
