package openai

import "fmt"

// Error is an OpenAI error object and the HTTP status that it comes with.
type Error struct {
	Status     int
	Message    string
	Type       string // "invalid_request_error", "server_error", ...
	Param      string // path of the field at fault, "" when there is none
	Code       string // for programs, "" when there is none
	RetryAfter int    // seconds after which a retry may help, 0: none
}

// Types of errors.
const (
	TypeInvalid   = "invalid_request_error"
	TypeRateLimit = "rate_limit_error"
	TypeServer    = "server_error"
)

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// invalid is a 400 that names a field. The message says the field, too: many clients show nothing else.
func invalid(param, format string, args ...any) *Error {
	return &Error{Status: 400, Type: TypeInvalid, Param: param, Code: "invalid_value", Message: param + ": " + fmt.Sprintf(format, args...)}
}

// unsupported is a 400 for what OpenAI's API has and this one has not.
func unsupported(param, format string, args ...any) *Error {
	e := invalid(param, format, args...)
	e.Code = "unsupported_value"
	return e
}

// AppendError appends {"error":{...}}.
func AppendError(b []byte, e *Error) []byte {
	b = append(b, `{"error":{"message":`...)
	b = AppendString(b, e.Message)
	b = append(b, `,"type":`...)
	b = AppendString(b, e.Type)
	b = append(b, `,"param":`...)
	b = appendOrNull(b, e.Param)
	b = append(b, `,"code":`...)
	b = appendOrNull(b, e.Code)
	return append(b, `}}`...)
}

func appendOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return AppendString(b, s)
}
