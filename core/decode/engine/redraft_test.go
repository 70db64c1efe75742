package engine_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// TestRedraft loses the drafter and gives the engine another: the answers are what they are without, and the next is drafted.
func TestRedraft(t *testing.T) { inNoTime(t, "", testRedraft) }

func testRedraft(t *testing.T) {
	plain, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	req := backend.GenerateRequest{Prompt: text("again"), MaxTokens: 40, Sampling: backend.Sampling{IgnoreEOS: true}}
	want := answerOf(t, plain, req)
	gone := fmt.Errorf("broken: %w", base.ErrPluginGone)
	first := &oracle{next: likeliest, most: 3, fail: func(n int) error {
		if n >= 3 {
			return gone
		}
		return nil
	}}
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: first})
	for range 2 {
		lost := answerOf(t, e, req)
		same(t, "without the first", want, lost)
		if d := lost.final.Draft; d.Off != backend.DraftFailed || d.Fault != gone.Error() {
			t.Errorf("%+v", d)
		}
	}
	second := &oracle{next: likeliest, most: 3}
	if err := e.Redraft(second); err != nil {
		t.Fatal(err)
	}
	asks := first.asks.Load()
	for range 2 {
		got := answerOf(t, e, req)
		same(t, "with the second", want, got)
		if d := got.final.Draft; d.Off != "" || d.Accepted == 0 {
			t.Errorf("%+v", d)
		}
	}
	if s := e.Stats().Draft; s.Off != "" || s.Fault != "" {
		t.Errorf("of all: %+v", s)
	}
	if first.asks.Load() != asks || first.open.Load() != 0 || second.open.Load() != 0 {
		t.Errorf("the first was asked %d times more; %d and %d sessions are left", first.asks.Load()-asks, first.open.Load(), second.open.Load())
	}
}

// TestRedraftWhileGenerating replaces a drafter that still works: the request that it drafts for goes on without, and what it
// fails at afterwards is not held against the other.
func TestRedraftWhileGenerating(t *testing.T) { inNoTime(t, "", testRedraftWhileGenerating) }

func testRedraftWhileGenerating(t *testing.T) {
	plain, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	req := backend.GenerateRequest{Prompt: text("meanwhile"), MaxTokens: 40, Sampling: backend.Sampling{IgnoreEOS: true}}
	want := answerOf(t, plain, req)
	var e *engine.Engine
	second := &oracle{next: likeliest, most: 3}
	first := &oracle{next: likeliest, most: 3, fail: func(n int) error {
		if n != 3 {
			return nil
		}
		if err := e.Redraft(second); err != nil {
			t.Error(err)
		}
		return fmt.Errorf("closed: %w", base.ErrPluginGone)
	}}
	e, _ = start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: first})
	got := answerOf(t, e, req)
	same(t, "replaced", want, got)
	if d := got.final.Draft; d.Off != backend.DraftFailed || d.Accepted == 0 {
		t.Errorf("%+v", d)
	}
	next := answerOf(t, e, req)
	same(t, "after that", want, next)
	if d := next.final.Draft; d.Off != "" || second.asks.Load() == 0 {
		t.Errorf("%+v after %d questions", d, second.asks.Load())
	}
}

func TestRedraftRefused(t *testing.T) {
	without, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	if err := without.Redraft(&oracle{}); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("an engine without a drafter: %v", err)
	}
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: &oracle{next: likeliest, most: 3}})
	if err := e.Redraft(tapping{}); !errors.Is(err, backend.ErrDrafter) {
		t.Errorf("a drafter that taps other layers: %v", err)
	}
}
