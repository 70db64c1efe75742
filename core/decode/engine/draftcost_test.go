package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// tapped is an executor whose features may only be had of steps that kept them.
type tapped struct {
	engine.Executor
	t             *testing.T
	keeping, kept bool // now, and in the last step
	steps         int  // that kept them
}

func (x *tapped) Tap([]int) error { x.keeping = true; return nil }
func (x *tapped) Keep(on bool)    { x.keeping = on }

func (x *tapped) Step(items []engine.Item) error {
	if x.kept = x.keeping; x.kept {
		x.steps++
	}
	return x.Executor.Step(items)
}

func (x *tapped) Features(int) []float32 {
	if !x.kept {
		x.t.Error("features of a step that kept none")
	}
	return []float32{1}
}

// TestFeaturesAreKeptWhereTheyAreOfUse has requests with a drafter that taps a layer, and ones without
// between them and beside them.
func TestFeaturesAreKeptWhereTheyAreOfUse(t *testing.T) { inNoTime(t, "", testFeaturesAreKept) }

func testFeaturesAreKept(t *testing.T) {
	x := &tapped{t: t, Executor: enginetest.NewFake(t, enginetest.Config{Limits: limits()})}
	e, err := engine.New(x, enginetest.Vocabulary{}, engine.Options{Drafter: &oracle{next: likeliest, most: 4, taps: []int{0}}})
	if err != nil {
		t.Fatal(err)
	}
	request := func(i int, without bool) backend.GenerateRequest {
		return backend.GenerateRequest{Prompt: text(fmt.Sprint("request ", i)), MaxTokens: 20, NoDraft: without, Sampling: backend.Sampling{IgnoreEOS: true}}
	}
	a := answerOf(t, e, request(0, false))
	before := x.steps
	if a.final.Draft.Accepted == 0 || before == 0 {
		t.Errorf("%+v after %d steps with features", a.final.Draft, before)
	}
	answerOf(t, e, request(1, true))
	if x.steps != before {
		t.Errorf("%d steps kept features that nobody had use for", x.steps-before)
	}
	var together sync.WaitGroup
	for i := range 6 {
		together.Go(func() { answerOf(t, e, request(2+i, i%2 == 0)) })
	}
	together.Wait()
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestCostlyDrafterRests has a drafter whose rounds take longer than steps and that is never right: it
// is left out of more and more requests before it is tried again.
func TestCostlyDrafterRests(t *testing.T) { inNoTime(t, "", testCostlyDrafterRests) }

func testCostlyDrafterRests(t *testing.T) {
	o := &oracle{most: 4, next: func([]backend.Token) backend.Token { return 3 }, fail: func(int) error {
		time.Sleep(3 * time.Second) // of synctest's clock
		return nil
	}}
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: o})
	var tried []int
	const n = 40
	for i := range n {
		a := answerOf(t, e, backend.GenerateRequest{Prompt: text(fmt.Sprint("request ", i)), MaxTokens: 20, Sampling: backend.Sampling{IgnoreEOS: true}})
		if a.final.Draft.Off != backend.DraftUnpaid {
			t.Fatalf("request %d: %+v", i, a.final.Draft)
		}
		if a.final.Draft.Propose > 0 {
			tried = append(tried, i)
		}
	}
	if !slices.Equal(tried, []int{0, 2, 5, 10, 19, 36}) {
		t.Errorf("tried at requests %v", tried)
	}
	if s := e.Stats(); s.DraftUnpaid != n {
		t.Errorf("%d requests went unpaid", s.DraftUnpaid)
	}
	if calls := o.calls.Load(); calls > 6*4 {
		t.Errorf("%d calls", calls)
	}
}
