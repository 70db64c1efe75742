package base

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/kakeyad/kakeyad/core/plugin/base/basepb"
)

var errKind = errors.New("an error of a kind")

type sizedError struct{ size string }

func (e *sizedError) Error() string        { return "sized " + e.size }
func (e *sizedError) Is(target error) bool { return target == errKind }

func sizedMap() *ErrorMap {
	return NewErrorMap(ErrorCode{
		Code: "kind.sized", Status: codes.OutOfRange, Sentinel: errKind,
		Fields: func(err error) (map[string]string, bool) {
			var e *sizedError
			if !errors.As(err, &e) {
				return nil, false
			}
			return map[string]string{"size": e.size}, true
		},
		Typed: func(fields map[string]string) (error, bool) {
			size, ok := fields["size"]
			return &sizedError{size}, ok
		},
	})
}

func TestErrorMapRoundTrip(t *testing.T) {
	m := sizedMap()
	for _, c := range []struct {
		name string
		err  error
		is   []error
		not  []error
		code codes.Code
	}{
		{"sentinel", ErrBusy, []error{ErrBusy}, []error{ErrInvalid}, codes.ResourceExhausted},
		{"wrapped", fmt.Errorf("load %q: %w: no", "m", ErrInvalid), []error{ErrInvalid}, []error{ErrBusy}, codes.InvalidArgument},
		{"two", fmt.Errorf("%w: %w", ErrCorrupt, ErrExists), []error{ErrCorrupt, ErrExists}, []error{ErrBusy}, codes.DataLoss},
		{"joined", errors.Join(ErrOutOfMemory, io.EOF), []error{ErrOutOfMemory}, []error{io.EOF}, codes.ResourceExhausted},
		{"of the kind", fmt.Errorf("deep: %w", &sizedError{"7"}), []error{errKind}, []error{ErrInvalid}, codes.OutOfRange},
		{"sentinel of the kind", errKind, []error{errKind}, nil, codes.OutOfRange},
		{"kind before base", fmt.Errorf("%w: %w", ErrInvalid, errKind), []error{errKind, ErrInvalid}, nil, codes.OutOfRange},
		{"canceled", fmt.Errorf("step: %w", context.Canceled), []error{context.Canceled}, []error{ErrPluginGone}, codes.Canceled},
		{"deadline", context.DeadlineExceeded, []error{context.DeadlineExceeded}, nil, codes.DeadlineExceeded},
		{"gone", fmt.Errorf("codec: %w", ErrPluginGone), []error{ErrPluginGone}, nil, codes.Unavailable},
		{"unknown", errors.New("disk on fire"), nil, []error{ErrInvalid, ErrPluginGone}, codes.Unknown},
		{"no text", errors.New(""), nil, nil, codes.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			wire := m.Encode(c.err)
			if got := status.Code(wire); got != c.code {
				t.Errorf("code %v, want %v", got, c.code)
			}
			got := m.Decode(context.Background(), wire)
			if got == nil || got.Error() != c.err.Error() {
				t.Fatalf("got %q, want %q", got, c.err)
			}
			for _, target := range c.is {
				if !errors.Is(got, target) {
					t.Errorf("is not %q", target)
				}
			}
			for _, target := range c.not {
				if errors.Is(got, target) {
					t.Errorf("is %q", target)
				}
			}
			if again := m.Decode(context.Background(), m.Encode(got)); again.Error() != got.Error() {
				t.Errorf("over a second wire: %q", again)
			}
		})
	}
}

func TestErrorMapTyped(t *testing.T) {
	m := sizedMap()
	got := m.Decode(context.Background(), m.Encode(fmt.Errorf("deep: %w", &sizedError{"7"})))
	var e *sizedError
	if !errors.As(got, &e) || e.size != "7" {
		t.Errorf("got %#v", got)
	}
}

func TestErrorMapNil(t *testing.T) {
	m := NewErrorMap()
	if m.Encode(nil) != nil || m.Decode(context.Background(), nil) != nil {
		t.Error("nil does not stay nil")
	}
}

func TestErrorMapTransport(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		want error
	}{
		{"unavailable", context.Background(), status.Error(codes.Unavailable, "EOF"), ErrPluginGone},
		{"eof", context.Background(), io.EOF, ErrPluginGone},
		{"unexpected eof", context.Background(), fmt.Errorf("read: %w", io.ErrUnexpectedEOF), ErrPluginGone},
		{"connection closed", context.Background(), status.Error(codes.Canceled, "closing"), ErrPluginGone},
		{"cancelled here", ended, status.Error(codes.Canceled, "context canceled"), context.Canceled},
		{"deadline", context.Background(), status.Error(codes.DeadlineExceeded, ""), context.DeadlineExceeded},
		{"too large", context.Background(), status.Error(codes.ResourceExhausted, "message larger than max"), ErrInvalid},
		{"old plugin", context.Background(), status.Error(codes.Unimplemented, "unknown method"), ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := NewErrorMap().Decode(c.ctx, c.err); !errors.Is(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := NewErrorMap().Decode(context.Background(), status.Error(codes.Internal, "bug")); got.Error() != "bug" {
		t.Errorf("got %v", got)
	}
}

func TestErrorMapLongText(t *testing.T) {
	m := NewErrorMap()
	got := m.Decode(context.Background(), m.Encode(fmt.Errorf("%w: \xff%s", ErrInvalid, strings.Repeat("é", 1<<20))))
	if text := got.Error(); !utf8.ValidString(text) || len(text) > maxErrorText+3 || !strings.HasPrefix(text, "invalid argument: ") {
		t.Errorf("%d bytes: %.40q", len(text), text)
	}
	if !errors.Is(got, ErrInvalid) {
		t.Error("lost its identity")
	}
}

func TestErrorMapTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a code that is taken was registered")
		}
	}()
	NewErrorMap(ErrorCode{Code: "busy", Sentinel: errKind})
}

// FuzzDecode feeds details as a stranger's plugin may send them. Whatever they are, an error stays
// an error, and encoding it again keeps what it is.
func FuzzDecode(f *testing.F) {
	m := sizedMap()
	for _, err := range []error{ErrBusy, &sizedError{"1"}, errors.New("x")} {
		s, _ := status.FromError(m.Encode(err))
		f.Add(uint32(s.Code()), s.Message(), s.Proto().GetDetails()[0].GetValue())
	}
	url, err := anypb.New(&basepb.ErrorDetail{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, code uint32, text string, detail []byte) {
		if code == 0 {
			return
		}
		p := status.New(codes.Code(code), text).Proto()
		p.Details = []*anypb.Any{{TypeUrl: url.GetTypeUrl(), Value: detail}}
		got := m.Decode(context.Background(), status.FromProto(p).Err())
		if got == nil {
			t.Fatal("the error is gone")
		}
		again := m.Decode(context.Background(), m.Encode(got))
		for _, c := range m.codes {
			if errors.Is(got, c.Sentinel) != errors.Is(again, c.Sentinel) {
				t.Errorf("%s: %v became %v", c.Code, got, again)
			}
		}
	})
}
