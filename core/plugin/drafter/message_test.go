package drafter

import (
	"bytes"
	"errors"
	"log/slog"
	"reflect"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func someMessages() []message {
	return []message{
		{op: opOpen, id: 1},
		{op: opOpen, id: 1 << 40, open: SessionOptions{Private: true, Scope: "somebody's"}},
		{op: opClose, id: 2},
		{op: opRound, id: 1, turns: []placed{{session: 2, turn: Turn{Accepted: 3}}}},
		{op: opRound, id: 1, turns: []placed{
			{
				session:  2,
				turn:     Turn{Ask: Ask{N: 4, Floor: 0.5, Sample: true, Temperature: 0.7, Seed: 9}},
				tokens:   link.Place{At: 64, Length: 12},
				features: link.Place{At: 128, Length: 32},
			},
			{session: 7, turn: Turn{Features: Features{Pos: 5, Rows: 1}, Ask: Ask{N: 1}}},
		}},
	}
}

func TestMessage(t *testing.T) {
	for _, want := range someMessages() {
		b := want.append([]byte("x"))[1:]
		var got message
		if err := got.parse(b); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		least := len(b)
		if want.op == opOpen {
			least = messageHead + 1 // what follows is the scope, of any length
		}
		for i := range least {
			if err := got.parse(b[:i]); !errors.Is(err, base.ErrCorrupt) {
				t.Errorf("%d bytes of %d: %v", i, len(b), err)
			}
		}
	}
}

// FuzzMessage: what can be read says the same when it is written.
func FuzzMessage(f *testing.F) {
	for _, m := range someMessages() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		if err := m.parse(b); err != nil {
			if !errors.Is(err, base.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if again := m.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func someTurns() []Turn {
	return []Turn{
		{},
		{Proposal: Proposal{Tokens: []Token{1, 2}}},
		{Proposal: Proposal{Tokens: []Token{1, 2}, Confidence: []float32{0.5, 1}}},
		{Proposal: Proposal{Tokens: []Token{3}, Drawn: []Distribution{{Tokens: []Token{3, 4}, Probabilities: []float32{0.75, 0.25}}}}},
		{Err: ErrClosed},
	}
}

func TestAnswer(t *testing.T) {
	for _, want := range someTurns() {
		r := reader{b: appendTurn(nil, &want)}
		got, err := r.turn()
		if err = errorMap.Decode(t.Context(), err); !errors.Is(err, want.Err) || len(r.b) != 0 {
			t.Errorf("got %v, %d bytes left, want %v", err, len(r.b), want.Err)
		}
		if !reflect.DeepEqual(got, want.Proposal) {
			t.Errorf("got %+v, want %+v", got, want.Proposal)
		}
	}
}

// FuzzAnswer: what a drafter answers is a proposal or an error, and never more than it says.
func FuzzAnswer(f *testing.F) {
	for _, turn := range someTurns() {
		f.Add(appendTurn(nil, &turn))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader{b: b}
		p, err := r.turn()
		if err != nil {
			_ = errorMap.Decode(t.Context(), err)
			return
		}
		if 4*len(p.Tokens) > len(b) {
			t.Fatalf("%d tokens of %d bytes", len(p.Tokens), len(b))
		}
		_ = p.Check(Target{Vocabulary: 10}, Description{MaxDraft: 8, Samples: true}, Ask{N: 8, Sample: true, Temperature: 1})
	})
}

// FuzzLinkService takes any message from a peer: nothing outside of the arena is read or written,
// and the answer can be read.
func FuzzLinkService(f *testing.F) {
	target := Target{Vocabulary: 50, Layers: 4, Width: 2, Context: 64, Sessions: 1}
	impl := &booked{target: target, description: Description{MaxDraft: 8, Taps: []int{1, 2}}}
	s := &linkService{&service{guard: base.Guard{Errors: errorMap, Log: slog.New(slog.DiscardHandler)}}}
	s.keepAttachment(&attached{Attachment: impl, target: target, description: impl.description})
	if _, err := s.open(f.Context(), 1, SessionOptions{}); err != nil {
		f.Fatal(err)
	}
	for _, m := range someMessages() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Repeat([]byte{0x1a}, 64+1024+64)
		answer, err := link.ReadAnswer(s.Call(t.Context(), whole[64:1088:1088], b, nil))
		if errors.Is(err, link.ErrAnswer) || err != nil && bytes.Contains([]byte(err.Error()), []byte("panic")) {
			t.Fatal(err)
		}
		if err != nil || op(b[0]) != opRound {
			return
		}
		for r := (reader{b: answer}); len(r.b) > 0; {
			if _, err := r.turn(); errors.Is(err, link.ErrAnswer) {
				t.Fatalf("%x", answer)
			}
		}
		if bytes.Count(whole, []byte{0x1a}) != len(whole) {
			t.Fatal("the memory was written to")
		}
	})
}
