package backend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a backend whose calls are the test's.
type scripted struct {
	*base.Self
	backend.Backend
	load     func(ctx context.Context, progress func(backend.LoadProgress)) (backend.ModelInfo, error)
	generate func(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error
	tokenize func(req backend.TokenizeRequest) ([]backend.Token, error)
}

func (s *scripted) Info(ctx context.Context) (base.Info, error)     { return s.Self.Info(ctx) }
func (s *scripted) Health(ctx context.Context) (base.Health, error) { return s.Self.Health(ctx) }

func (s *scripted) LoadModel(ctx context.Context, _ backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	return s.load(ctx, progress)
}

func (s *scripted) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	return s.generate(ctx, req, emit)
}

func (s *scripted) Tokenize(_ context.Context, req backend.TokenizeRequest) ([]backend.Token, error) {
	return s.tokenize(req)
}

func connect(t *testing.T, s *scripted) *backendtest.Connection {
	t.Helper()
	s.Self = base.NewSelf(base.Info{Kind: base.KindBackend, Name: "scripted", Version: "1"})
	c, err := backendtest.Connect(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func nothing(backend.Event) error { return nil }

func TestErrorsKeepTheirIdentity(t *testing.T) {
	var fail error
	c := connect(t, &scripted{
		generate: func(context.Context, backend.GenerateRequest, func(backend.Event) error) error { return fail },
	})
	for _, want := range []error{
		backend.ErrModelNotLoaded, backend.ErrModelFile, backend.ErrContextFull,
		base.ErrBusy, base.ErrInvalid, base.ErrUnsupported, base.ErrOutOfMemory,
	} {
		fail = fmt.Errorf("model %q: %w: told so", "m", want)
		err := c.Generate(t.Context(), backend.GenerateRequest{}, nothing)
		if !errors.Is(err, want) || err.Error() != fail.Error() {
			t.Errorf("got %v, want %v", err, fail)
		}
	}
	fail = fmt.Errorf("request 7: %w", &backend.ContextFullError{Requested: 5000, Available: 4096})
	err := c.Generate(t.Context(), backend.GenerateRequest{}, nothing)
	var full *backend.ContextFullError
	if !errors.As(err, &full) || full.Requested != 5000 || full.Available != 4096 || err.Error() != fail.Error() {
		t.Errorf("got %v", err)
	}
	if !errors.Is(err, backend.ErrContextFull) {
		t.Error("is not ErrContextFull")
	}
}

func TestPanicIsAnErrorOfItsCall(t *testing.T) {
	c := connect(t, &scripted{
		generate: func(context.Context, backend.GenerateRequest, func(backend.Event) error) error { panic("boom") },
	})
	for range 2 {
		err := c.Generate(t.Context(), backend.GenerateRequest{}, nothing)
		if err == nil || errors.Is(err, base.ErrPluginGone) || !strings.Contains(err.Error(), "boom") {
			t.Errorf("got %v", err)
		}
	}
	if h, err := c.Health(t.Context()); err != nil || !h.OK {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestDeathFailsTheCallsUnderWay(t *testing.T) {
	c := connect(t, &scripted{
		generate: func(ctx context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
			if err := emit(backend.Event{Text: "first"}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
		load: func(ctx context.Context, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
			progress(backend.LoadProgress{Fraction: 0.5})
			<-ctx.Done()
			return backend.ModelInfo{}, ctx.Err()
		},
	})
	generating, loading := make(chan struct{}), make(chan struct{})
	results := make(chan error, 2)
	go func() {
		results <- c.Generate(t.Context(), backend.GenerateRequest{}, func(backend.Event) error {
			close(generating)
			return nil
		})
	}()
	go func() {
		_, err := c.LoadModel(t.Context(), backend.LoadRequest{}, func(backend.LoadProgress) { close(loading) })
		results <- err
	}()
	<-generating
	<-loading
	c.Kill()
	for range 2 {
		if err := <-results; !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("under way: %v", err)
		}
	}
	if _, err := c.Health(t.Context()); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("after: %v", err)
	}
}

func TestCancelReachesTheImplementation(t *testing.T) {
	ended := make(chan error, 1)
	c := connect(t, &scripted{
		generate: func(ctx context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
			if err := emit(backend.Event{Text: "first"}); err != nil {
				return err
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		},
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := c.Generate(ctx, backend.GenerateRequest{}, func(backend.Event) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) || errors.Is(err, base.ErrPluginGone) {
			t.Errorf("got %v", err)
		}
		<-ended
	})
	t.Run("emit", func(t *testing.T) {
		boom := errors.New("boom")
		if err := c.Generate(t.Context(), backend.GenerateRequest{}, func(backend.Event) error { return boom }); err != boom {
			t.Errorf("got %v", err)
		}
		<-ended
	})
}

func TestNoEventAfterCancel(t *testing.T) {
	c := connect(t, &scripted{
		generate: func(_ context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
			for range 100 {
				if err := emit(backend.Event{Text: "x"}); err != nil {
					return err
				}
			}
			return emit(backend.Event{Final: &backend.Final{}})
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := 0
	err := c.Generate(ctx, backend.GenerateRequest{}, func(backend.Event) error {
		if events++; events == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || events != 3 {
		t.Errorf("%d events, %v", events, err)
	}
}

func TestAnswersThatAreNotWhole(t *testing.T) {
	c := connect(t, &scripted{
		generate: func(_ context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
			return emit(backend.Event{Text: "no final"})
		},
	})
	if err := c.Generate(t.Context(), backend.GenerateRequest{}, nothing); !errors.Is(err, base.ErrLied) {
		t.Errorf("got %v", err)
	}
}

func TestLargeMessages(t *testing.T) {
	const size = 20 << 20
	c := connect(t, &scripted{
		generate: func(_ context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
			return emit(backend.Event{Text: req.Prompt.Text, Final: &backend.Final{}})
		},
		tokenize: func(req backend.TokenizeRequest) ([]backend.Token, error) {
			return make([]backend.Token, len(req.Text)), nil
		},
	})
	text := strings.Repeat("x", size)
	got := 0
	err := c.Generate(t.Context(), backend.GenerateRequest{Prompt: backend.Prompt{Text: text}}, func(e backend.Event) error {
		got = len(e.Text)
		return nil
	})
	if err != nil || got != size {
		t.Errorf("%d bytes, %v", got, err)
	}
	tokens, err := c.Tokenize(t.Context(), backend.TokenizeRequest{Text: text})
	if err != nil || len(tokens) != size {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestRequestIDFromAnywhere(t *testing.T) {
	c := connect(t, &scripted{
		generate: func(_ context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
			return emit(backend.Event{Text: req.RequestID, Final: &backend.Final{}})
		},
	})
	var got string
	err := c.Generate(t.Context(), backend.GenerateRequest{RequestID: "a\xffb"}, func(e backend.Event) error {
		got = e.Text
		return nil
	})
	if err != nil || got != "a\uFFFDb" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	c := connect(t, &scripted{})
	bad := "a\xff"
	_, tokenize := c.Tokenize(t.Context(), backend.TokenizeRequest{Text: bad})
	_, embed := c.Embed(t.Context(), backend.EmbedRequest{Inputs: []backend.Prompt{{Text: "ok"}, {Text: bad}}})
	for field, err := range map[string]error{
		"text":        tokenize,
		"inputs[1]":   embed,
		"scope":       c.Generate(t.Context(), backend.GenerateRequest{Scope: bad}, nothing),
		"prompt":      c.Generate(t.Context(), backend.GenerateRequest{Prompt: backend.Prompt{Text: bad}}, nothing),
		"stop[0]":     c.Generate(t.Context(), backend.GenerateRequest{Stop: []string{bad}}, nothing),
		"grammar":     c.Generate(t.Context(), backend.GenerateRequest{Constraint: backend.Constraint{Grammar: bad}}, nothing),
		"json_schema": c.Generate(t.Context(), backend.GenerateRequest{Constraint: backend.Constraint{JSONSchema: bad}}, nothing),
	} {
		if !errors.Is(err, base.ErrInvalid) || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
