package backendtest

import (
	"context"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// stepper emits an event only when told to.
type stepper struct {
	backend.Backend
	next chan struct{}
}

func (s *stepper) Generate(_ context.Context, _ backend.GenerateRequest, emit func(backend.Event) error) error {
	token := []backend.Token{7}
	for range s.next {
		if err := emit(backend.Event{Text: " word", Tokens: token}); err != nil {
			return err
		}
	}
	return emit(backend.Event{Final: &backend.Final{}})
}

// BenchmarkEvent measures how long one event is on its way when nothing else is, as a token of a
// model that computes between tokens.
func BenchmarkEvent(b *testing.B) {
	impl := &stepper{next: make(chan struct{}, 1)}
	connection, err := Connect(impl, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := connection.Close(); err != nil {
			b.Error(err)
		}
	}()
	b.ReportAllocs()
	left := b.N
	impl.next <- struct{}{}
	err = connection.Generate(b.Context(), backend.GenerateRequest{}, func(e backend.Event) error {
		switch {
		case e.Final != nil:
		case left > 0:
			left--
			impl.next <- struct{}{}
		default:
			close(impl.next)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
