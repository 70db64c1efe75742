package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestCellsRunOut(t *testing.T) {
	for _, free := range []bool{true, false} {
		// Three requests of 81 to 83 tokens in all, cells for 200.
		synctest.Test(t, func(t *testing.T) {
			l := engine.Limits{Sequences: 5, Cells: 200, Batch: 64, CopyIsFree: free}
			e, fake := start(t, enginetest.Config{Limits: l, BeforeStep: tick}, engine.Options{})
			answers := make([]answer, 3)
			var wg sync.WaitGroup
			for i, p := range []string{"a", "bb", "ccc"} {
				wg.Go(func() {
					req := backend.GenerateRequest{Prompt: text(p), MaxTokens: 80}
					req.Sampling.IgnoreEOS = true
					answers[i] = ask(t, e, req)
				})
				synctest.Wait()
			}
			wg.Wait()
			s := e.Stats()
			if s.Preempted != 1 {
				t.Errorf("preempted %d times, want once", s.Preempted)
			}
			for i, a := range answers {
				if took := a.final.Timings.Generate; (took > 90*time.Millisecond) != (i == 2) {
					t.Errorf("request %d generated for %v; the youngest is the one that gives way", i, took)
				}
			}
			if s.OutputTokens != 240 || s.Requests != 3 {
				t.Errorf("stats %+v", s)
			}
			if _, computed := fake.Steps(); s.StepTokens != int64(computed) {
				t.Errorf("%d tokens computed, stats say %d", computed, s.StepTokens)
			}
		})
	}
}

// tick makes each step take a millisecond.
func tick(context.Context, []engine.Item) error {
	time.Sleep(time.Millisecond)
	return nil
}

func TestCachedPrefixesGoBeforeActiveRequests(t *testing.T) {
	l := limits()
	l.Cells = 100
	e, _ := start(t, enginetest.Config{Limits: l}, engine.Options{})
	for _, p := range []string{"a", "b", "c", "d"} {
		ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat(p, 60)), MaxTokens: 20})
	}
	if s := e.Stats(); s.Preempted != 0 || s.CellsUsed > 100 {
		t.Fatalf("stats %+v", s)
	}
}

func TestExecutorSaysThereAreNoCells(t *testing.T) {
	// One request gives up its cells; one that is alone and still does not fit fails.
	synctest.Test(t, func(t *testing.T) {
		e, _ := start(t, enginetest.Config{Limits: limits(), Cells: 40, BeforeStep: tick}, engine.Options{})
		var wg sync.WaitGroup
		for _, p := range []string{"a", "b"} {
			wg.Go(func() {
				req := backend.GenerateRequest{Prompt: text(p), MaxTokens: 30}
				req.Sampling.IgnoreEOS = true
				ask(t, e, req)
			})
		}
		wg.Wait()
		if s := e.Stats(); s.Preempted == 0 {
			t.Errorf("stats %+v", s)
		}
		a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("c", 50))})
		if !errors.Is(a.err, engine.ErrNoCells) {
			t.Errorf("error %v, want %v", a.err, engine.ErrNoCells)
		}
		ask(t, e, backend.GenerateRequest{Prompt: text("d")})
	})
}

// A request that gave way is not taken up again only to give way again.
func TestLackingCellsDoNotThrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := engine.Limits{Sequences: 4, Cells: 1000, Batch: 256, CopyIsFree: true}
		e, fake := start(t, enginetest.Config{Limits: l, Cells: 300, BeforeStep: tick}, engine.Options{Context: 250})
		var wg sync.WaitGroup
		for _, p := range []string{"a", "b", "c"} {
			wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat(p, 200)), MaxTokens: 20}) })
		}
		wg.Wait()
		if _, computed := fake.Steps(); computed > 3*220*2 {
			t.Errorf("%d tokens computed for three requests of 220", computed)
		}
	})
}

func TestPreemptedRequestComesBeforeThoseThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := engine.Limits{Sequences: 2, Cells: 150, Batch: 64, CopyIsFree: true}
		e, _ := start(t, enginetest.Config{Limits: l, BeforeStep: tick}, engine.Options{Parallel: 2})
		ended := make([]time.Duration, 4)
		var wg sync.WaitGroup
		for i, p := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				req := backend.GenerateRequest{Prompt: text(p), MaxTokens: 100}
				req.Sampling.IgnoreEOS = true
				a := ask(t, e, req)
				ended[i] = a.final.Timings.Queue + a.final.Timings.Prefill + a.final.Timings.Generate
			})
			synctest.Wait()
		}
		wg.Wait()
		if !slices.IsSorted(ended) {
			t.Errorf("requests ended after %v; the older ones come first", ended)
		}
		if s := e.Stats(); s.Preempted == 0 {
			t.Errorf("stats %+v", s)
		}
	})
}
