package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestCancelInterruptsAStepThatWorksForNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, fake := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan answer)
		go func() { done <- generate(ctx, t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 99))}) }()
		g.next()
		g.let()
		g.next() // the second step is under way
		cancel()
		if a := <-done; !errors.Is(a.err, context.Canceled) {
			t.Errorf("error %v", a.err)
		}
		if steps, tokens := fake.Steps(); steps != 1 || tokens != 64 {
			t.Errorf("%d steps of %d tokens, want the first alone", steps, tokens)
		}
		if s := e.Stats(); s.Active != 0 || s.Waiting != 0 || s.Requests != 0 {
			t.Errorf("stats %+v", s)
		}
		// What the first step computed serves the next request.
		g.release()
		if a := ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 99))}); a.prompt.Cached != 64 {
			t.Errorf("%d cached, want 64", a.prompt.Cached)
		}
	})
}

func TestCancelLeavesTheStepOfOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, fake := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text("stays"), MaxTokens: 3}) })
		g.next()
		gone := make(chan answer, 1)
		go func() { gone <- generate(ctx, t, e, backend.GenerateRequest{Prompt: text("goes")}) }()
		synctest.Wait()
		g.let()
		if n := count(g.next()); len(n) != 2 {
			t.Errorf("step for %d sequences, want 2", len(n))
		}
		cancel()
		synctest.Wait()
		g.let()
		if a := <-gone; !errors.Is(a.err, context.Canceled) {
			t.Errorf("error %v", a.err)
		}
		if n := count(g.next()); len(n) != 1 {
			t.Errorf("step for %d sequences after the cancellation, want 1", len(n))
		}
		if steps, _ := fake.Steps(); steps != 2 {
			t.Errorf("%d steps done, want 2: the shared one was not to be interrupted", steps)
		}
		g.release()
		g.let()
		wg.Wait()
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{Parallel: 1})
		var wg sync.WaitGroup
		wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text("first"), MaxTokens: 3}) })
		g.next()
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if a := generate(ctx, t, e, backend.GenerateRequest{Prompt: text("second")}); !errors.Is(a.err, context.Canceled) || a.events != 0 {
				t.Errorf("error %v after %d events", a.err, a.events)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		g.let()
		g.next()
		if s := e.Stats(); s.Waiting != 0 {
			t.Errorf("stats %+v", s)
		}
		g.release()
		g.let()
		wg.Wait()
	})
}

func TestEmitErrorEndsTheRequest(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	want := errors.New("client went away")
	calls := 0
	err := e.Generate(t.Context(), backend.GenerateRequest{Prompt: text("p"), Sampling: backend.Sampling{IgnoreEOS: true}}, func(backend.Event) error {
		calls++
		return want
	})
	if err != want || calls != 1 {
		t.Fatalf("error %v after %d calls", err, calls)
	}
	if s := e.Stats(); s.Active != 0 || s.Waiting != 0 {
		t.Fatalf("stats %+v", s)
	}
}

func TestFailedStepFailsItsRequestsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{Parallel: 2})
		broken := errors.New("device lost")
		errs := make(chan error, 2)
		for _, p := range []string{"a", "b"} {
			go func() { errs <- generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(p)}).err }()
			synctest.Wait()
		}
		g.next()
		g.let()
		if n := count(g.next()); len(n) != 2 {
			t.Errorf("step for %d sequences, want 2", len(n))
		}
		var wg sync.WaitGroup
		wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text("c")}) })
		synctest.Wait()
		g.pass <- broken
		for range 2 {
			if err := <-errs; !errors.Is(err, broken) {
				t.Errorf("error %v, want %v", err, broken)
			}
		}
		g.next()
		if s := e.Stats(); s.CellsUsed != 0 {
			t.Errorf("%d cells used after the failure", s.CellsUsed)
		}
		g.release()
		g.let()
		wg.Wait()
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{Parallel: 1})
		errs := make(chan error, 2)
		for _, p := range []string{"active", "waiting"} {
			go func() { errs <- generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(p)}).err }()
			synctest.Wait()
		}
		g.next()
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, backend.ErrModelNotLoaded) {
				t.Errorf("error %v, want %v", err, backend.ErrModelNotLoaded)
			}
		}
		if a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("late")}); !errors.Is(a.err, backend.ErrModelNotLoaded) {
			t.Errorf("error %v, want %v", a.err, backend.ErrModelNotLoaded)
		}
		if _, err := e.Score(t.Context(), backend.ScoreRequest{Tokens: spell("ab"), From: 1}); !errors.Is(err, backend.ErrModelNotLoaded) {
			t.Errorf("error %v, want %v", err, backend.ErrModelNotLoaded)
		}
	})
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := func(context.Context, []engine.Item) error {
			<-release // deaf to the interruption
			return nil
		}
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: stuck}, engine.Options{})
		done := make(chan error)
		go func() { done <- generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("p")}).err }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		close(release)
		if err := <-done; !errors.Is(err, backend.ErrModelNotLoaded) {
			t.Errorf("error %v", err)
		}
	})
}
