package openai

import (
	"encoding/json"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Responses is an answer in the shape of /v1/responses, streamed or whole.
type Responses struct {
	head     Head
	echo     ResponsesEcho
	blocks   blocks
	final    backend.Final
	sequence int
	buf      []byte
}

// NewResponses makes the writer of one answer.
func NewResponses(h Head, echo ResponsesEcho) *Responses { return &Responses{head: h, echo: echo} }

type responseObject struct {
	ID         string          `json:"id"`
	Object     string          `json:"object"`
	Created    int64           `json:"created_at"`
	Status     string          `json:"status"`
	Background bool            `json:"background"`
	Error      any             `json:"error"`
	Incomplete any             `json:"incomplete_details"`
	Model      string          `json:"model"`
	Output     []outputItem    `json:"output"`
	Previous   *string         `json:"previous_response_id"`
	Store      bool            `json:"store"`
	Truncation string          `json:"truncation"`
	Usage      *responseUsage  `json:"usage"`
	Timings    json.RawMessage `json:"timings,omitempty"`
	ResponsesEcho
}

type responseUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

type outputItem struct {
	ID        string  `json:"id"`
	Type      string  `json:"type"`
	Status    string  `json:"status,omitempty"`
	Role      string  `json:"role,omitempty"`
	Content   *[]any  `json:"content,omitempty"`
	Summary   *[]any  `json:"summary,omitempty"`
	CallID    string  `json:"call_id,omitempty"`
	Name      string  `json:"name,omitempty"`
	Arguments *string `json:"arguments,omitempty"`
}

// Add takes the next piece of an answer that is not streamed.
func (r *Responses) Add(p router.Piece) error {
	r.note(&p)
	r.blocks.take(&p, func(blockEvent) {})
	return nil
}

func (r *Responses) note(p *router.Piece) {
	if p.Final != nil {
		r.final = *p.Final
	}
}

// Final returns what closed the answer.
func (r *Responses) Final() *backend.Final { return &r.final }

// Body is the whole answer.
func (r *Responses) Body() []byte { return appendJSON(nil, r.object()) }

func (r *Responses) object() responseObject {
	out := responseObject{
		ID: r.head.ID, Object: "response", Created: r.head.Created, Status: "in_progress", Model: r.head.Model,
		Output: []outputItem{}, Truncation: "disabled", ResponsesEcho: r.echo,
	}
	f := &r.final
	if f.Reason == "" {
		return out
	}
	out.Status = "completed"
	if f.Reason == backend.FinishLength {
		out.Status, out.Incomplete = "incomplete", map[string]string{"reason": "max_output_tokens"}
	}
	for _, b := range r.blocks.all {
		out.Output = append(out.Output, item(b, "completed"))
	}
	u := &responseUsage{Input: f.PromptTokens, Output: f.OutputTokens, Total: f.PromptTokens + f.OutputTokens}
	u.InputDetails.Cached = f.CachedTokens
	out.Usage, out.Timings = u, appendTimings(nil, f)
	return out
}

// item is a block as an item of the output, with what it has so far if it is complete.
func item(b *block, status string) outputItem {
	complete := status == "completed"
	text, parts := "", []any{}
	if complete {
		text, parts = b.text.String(), []any{contentPart(b, b.text.String())}
	}
	switch b.kind {
	case thoughtBlock:
		return outputItem{ID: "rs_" + b.id, Type: "reasoning", Summary: &[]any{}, Content: &parts}
	case callBlock:
		return outputItem{ID: "fc_" + b.id, Type: "function_call", Status: status, CallID: b.callID, Name: b.name, Arguments: &text}
	default:
		return outputItem{ID: "msg_" + b.id, Type: "message", Status: status, Role: "assistant", Content: &parts}
	}
}

func contentPart(b *block, text string) any {
	if b.kind == thoughtBlock {
		return map[string]any{"type": "reasoning_text", "text": text}
	}
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

// Begin is the first events.
func (r *Responses) Begin() []byte {
	r.buf = r.buf[:0]
	r.event("response.created", map[string]any{"response": r.object()})
	r.event("response.in_progress", map[string]any{"response": r.object()})
	return r.buf
}

// Piece is the events of a piece.
func (r *Responses) Piece(p *router.Piece) []byte {
	r.buf = r.buf[:0]
	r.note(p)
	r.blocks.take(p, r.tell)
	return r.buf
}

func (r *Responses) tell(e blockEvent) {
	at := map[string]any{"item_id": item(e.block, "in_progress").ID, "output_index": e.index}
	with := func(more map[string]any) map[string]any {
		for k, v := range at {
			more[k] = v
		}
		return more
	}
	kind := map[blockKind]string{thoughtBlock: "response.reasoning_text", textBlock: "response.output_text", callBlock: "response.function_call_arguments"}[e.kind]
	if e.kind != callBlock {
		at["content_index"] = 0
	}
	switch {
	case e.opens:
		r.event("response.output_item.added", map[string]any{"output_index": e.index, "item": item(e.block, "in_progress")})
		if e.kind != callBlock {
			r.event("response.content_part.added", with(map[string]any{"part": contentPart(e.block, "")}))
		}
	case e.closes:
		text := e.text.String()
		done := with(map[string]any{"text": text})
		switch e.kind {
		case callBlock:
			done = with(map[string]any{"arguments": text, "name": e.name})
		case textBlock:
			done["logprobs"] = []any{}
		}
		r.event(kind+".done", done)
		if e.kind != callBlock {
			r.event("response.content_part.done", with(map[string]any{"part": contentPart(e.block, text)}))
		}
		r.event("response.output_item.done", map[string]any{"output_index": e.index, "item": item(e.block, "completed")})
	default:
		delta := with(map[string]any{"delta": e.delta})
		if e.kind == textBlock {
			delta["logprobs"] = []any{}
		}
		r.event(kind+".delta", delta)
	}
}

// Finish ends the stream.
func (r *Responses) Finish() []byte {
	r.buf = r.buf[:0]
	r.blocks.close(r.tell)
	whole := r.object()
	r.event("response."+whole.Status, map[string]any{"response": whole})
	return r.buf
}

// Error is the events of an error.
func (r *Responses) Error(e *Error) []byte {
	r.buf = r.buf[:0]
	failed := r.object()
	failed.Status, failed.Error = "failed", map[string]string{"code": e.Code, "message": e.Message}
	r.event("response.failed", map[string]any{"response": failed})
	return r.buf
}

func (r *Responses) event(kind string, fields map[string]any) {
	fields["type"], fields["sequence_number"] = kind, r.sequence
	r.sequence++
	r.buf = appendEvent(r.buf, kind, fields)
}
