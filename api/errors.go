package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
)

// gone is why nobody wants an answer any more. It is a context.Canceled.
type gone string

const (
	errClientGone gone = "the client went away"
	errStalled    gone = "the client stopped reading"
	errCancelled  gone = "the request was cancelled"
)

// Error says why.
func (g gone) Error() string { return string(g) }

// Is makes errors.Is(err, context.Canceled) true.
func (g gone) Is(target error) bool { return target == context.Canceled }

// statusClientGone is what the access log says of a client that did not wait. Nobody reads it.
const statusClientGone = 499

// rule says what an error is to a client.
type rule struct {
	is     error
	status int
	kind   string
	code   string
	retry  int // seconds
}

// rules, of which the first that fits counts. docs/api.md has the table.
var rules = []rule{
	{errClientGone, statusClientGone, openai.TypeServer, "client_closed_request", 0},
	{errCancelled, statusClientGone, openai.TypeInvalid, "request_cancelled", 0},
	{context.Canceled, statusClientGone, openai.TypeServer, "client_closed_request", 0},
	{router.ErrTimeout, 504, openai.TypeServer, "timeout", 0},
	{context.DeadlineExceeded, 504, openai.TypeServer, "timeout", 0},
	{router.ErrClosed, 503, openai.TypeServer, "shutting_down", 1},
	{channel.ErrUnknown, 404, openai.TypeInvalid, "model_not_found", 0},
	{backend.ErrContextFull, 400, openai.TypeInvalid, "context_length_exceeded", 0},
	{base.ErrBusy, 429, openai.TypeRateLimit, "busy", 1},
	{base.ErrPluginGone, 503, openai.TypeServer, "backend_unavailable", 1},
	{backend.ErrModelNotLoaded, 503, openai.TypeServer, "backend_unavailable", 1},
	{pool.ErrDied, 503, openai.TypeServer, "backend_unavailable", 1},
	{pool.ErrTooLarge, 503, openai.TypeServer, "out_of_memory", 0},
	{base.ErrOutOfMemory, 503, openai.TypeServer, "out_of_memory", 0},
	{router.ErrLoad, 500, openai.TypeServer, "model_load_failed", 0},
	{backend.ErrModelFile, 500, openai.TypeServer, "model_load_failed", 0},
	{router.ErrTemplate, 500, openai.TypeServer, "chat_template_failed", 0},
	{base.ErrInvalid, 400, openai.TypeInvalid, "invalid_value", 0},
	{base.ErrUnsupported, 400, openai.TypeInvalid, "unsupported_value", 0},
}

// advice is what to do about errors whose own words say only what happened.
var advice = map[string]string{
	"context_length_exceeded": "shorten it, or give the channel a larger load.context or limits.max_prompt_tokens",
	"out_of_memory": "raise memory in the configuration, take a smaller model or quantisation, " +
		"or lower the channel's load.context, load.cache_tokens or load.parallel",
}

// toError makes an error a client's. subject is the field that holds the prompt.
func toError(err error, subject string) *openai.Error {
	var ready *openai.Error
	if errors.As(err, &ready) {
		return ready
	}
	out := &openai.Error{Status: 500, Type: openai.TypeServer, Code: "internal_error", Message: err.Error()}
	for _, r := range rules {
		if errors.Is(err, r.is) {
			out.Status, out.Type, out.Code, out.RetryAfter = r.status, r.kind, r.code, r.retry
			break
		}
	}
	var field *router.FieldError
	var full *backend.ContextFullError
	var load *router.LoadError
	var large *pool.TooLargeError
	switch {
	case errors.As(err, &field):
		out.Param, out.Message = field.Field, fmt.Sprintf("%s: %s", field.Field, field.Reason)
	case errors.As(err, &full):
		out.Param, out.Message = subject, full.Error()
	case errors.As(err, &load):
		out.Message = load.Error()
	case errors.As(err, &large):
		out.Message = large.Error()
	case out.Code == "model_not_found":
		out.Param = "model"
	}
	if what, ok := advice[out.Code]; ok {
		out.Message += "; " + what
	}
	return out
}
