package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kakeyad/kakeyad/core/plugin/base/basepb"
)

// ErrorCode is the name on the wire of one error that callers tell from others.
type ErrorCode struct {
	Code     string     // such as "backend.context_full"; never changes
	Status   codes.Code // for clients that read no details
	Sentinel error      // what errors.Is finds

	// Both are nil for an error that is no more than its sentinel. Otherwise Fields reads the
	// typed error out of a chain and says false when there is none, and Typed makes it again;
	// what Typed cannot read becomes the sentinel.
	Fields func(err error) (map[string]string, bool)
	Typed  func(fields map[string]string) (error, bool)
}

// ErrorMap carries errors across the wire with their identity: what errors.Is and errors.As find
// in an error before [ErrorMap.Encode], they find after [ErrorMap.Decode]. Immutable.
type ErrorMap struct {
	codes  []ErrorCode
	byCode map[string]ErrorCode
}

// maxErrorText bounds an error's text on the wire, in bytes. gRPC sends it in a header.
const maxErrorText = 8 << 10

var baseCodes = []ErrorCode{
	{Code: "canceled", Status: codes.Canceled, Sentinel: context.Canceled},
	{Code: "deadline_exceeded", Status: codes.DeadlineExceeded, Sentinel: context.DeadlineExceeded},
	{Code: "plugin_gone", Status: codes.Unavailable, Sentinel: ErrPluginGone},
	{Code: "hung", Status: codes.Unavailable, Sentinel: ErrHung},
	{Code: "lied", Status: codes.Internal, Sentinel: ErrLied},
	{Code: "busy", Status: codes.ResourceExhausted, Sentinel: ErrBusy},
	{Code: "invalid", Status: codes.InvalidArgument, Sentinel: ErrInvalid},
	{Code: "unsupported", Status: codes.Unimplemented, Sentinel: ErrUnsupported},
	{Code: "corrupt", Status: codes.DataLoss, Sentinel: ErrCorrupt},
	{Code: "exists", Status: codes.AlreadyExists, Sentinel: ErrExists},
	{Code: "out_of_memory", Status: codes.ResourceExhausted, Sentinel: ErrOutOfMemory},
}

// NewErrorMap knows the sentinels of this package and those of one kind. Two equal codes are a
// mistake of the program and panic.
func NewErrorMap(kind ...ErrorCode) *ErrorMap {
	m := &ErrorMap{byCode: make(map[string]ErrorCode, len(baseCodes)+len(kind))}
	for _, c := range append(kind[:len(kind):len(kind)], baseCodes...) {
		if _, taken := m.byCode[c.Code]; taken {
			panic("error code " + c.Code + " registered twice")
		}
		m.codes = append(m.codes, c)
		m.byCode[c.Code] = c
	}
	return m
}

// Encode makes an error that gRPC carries. The plugin's end calls it; nil stays nil.
func (m *ErrorMap) Encode(err error) error {
	if err == nil {
		return nil
	}
	code, detail := codes.Unknown, &basepb.ErrorDetail{}
	for _, c := range m.codes {
		if !errors.Is(err, c.Sentinel) {
			continue
		}
		cause := &basepb.ErrorCause{Code: c.Code}
		if c.Fields != nil {
			cause.Fields, _ = c.Fields(err)
		}
		if len(detail.Causes) == 0 {
			code = c.Status
		}
		detail.Causes = append(detail.Causes, cause)
	}
	s := status.New(code, errorText(err))
	if with, err := s.WithDetails(detail); err == nil {
		s = with
	}
	return s.Err()
}

// errorText is the error's text as gRPC can carry it: valid UTF-8 of bounded length.
func errorText(err error) string {
	text := strings.ToValidUTF8(err.Error(), string(utf8.RuneError))
	if len(text) <= maxErrorText {
		return text
	}
	end := maxErrorText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}

// Decode gives an error of a call made under ctx its identity back. The host's end calls it; nil
// stays nil. An error that the plugin did not write is the transport's: the plugin is gone, the
// context ended, a message was too large, or the plugin does not know the call.
func (m *ErrorMap) Decode(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: %w", ErrPluginGone, err)
		}
		return err
	}
	for _, d := range s.Details() {
		if detail, ok := d.(*basepb.ErrorDetail); ok {
			return m.fromDetail(s.Message(), detail)
		}
	}
	return transportError(ctx, s)
}

func (m *ErrorMap) fromDetail(text string, detail *basepb.ErrorDetail) error {
	e := &remoteError{text: text}
	for _, cause := range detail.GetCauses() {
		c, known := m.byCode[cause.GetCode()]
		if !known {
			continue
		}
		err := c.Sentinel
		if c.Typed != nil {
			if typed, ok := c.Typed(cause.GetFields()); ok {
				err = typed
			}
		}
		e.causes = append(e.causes, err)
	}
	return e
}

func transportError(ctx context.Context, s *status.Status) error {
	switch s.Code() {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		if err := ctx.Err(); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", ErrPluginGone, s.Message()) // the connection was closed
	case codes.Unavailable:
		return fmt.Errorf("%w: %s", ErrPluginGone, s.Message())
	case codes.ResourceExhausted:
		return fmt.Errorf("%w: %w: %s", ErrInvalid, ErrMessageSize, s.Message())
	case codes.Unimplemented:
		return fmt.Errorf("%w: %s", ErrUnsupported, s.Message())
	default:
		return &remoteError{text: s.Message()}
	}
}

// FromPlugin says whether an error, or one that it wraps, was told by a plugin rather than found by its
// caller.
func FromPlugin(err error) bool {
	var remote *remoteError
	return errors.As(err, &remote)
}

// remoteError is an error of the other end: its text, and what it is.
type remoteError struct {
	text   string
	causes []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.causes }
