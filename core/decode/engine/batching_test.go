package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestLongPromptsDoNotStallTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{PrefillChunk: 16})
		var wg sync.WaitGroup
		begin := func(prompt string, most int) {
			wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text(prompt), MaxTokens: most}) })
			synctest.Wait()
		}
		begin("short", 20)
		g.next()
		g.let()
		first := g.next()[0].Seq
		begin(strings.Repeat("long", 20), 2)  // 81 tokens
		begin(strings.Repeat("other", 30), 2) // 151 tokens
		begin("ab", 2)                        // 3 tokens
		g.let()
		items := g.next()
		n := count(items)
		if items[0].Seq != first || !items[0].Output || n[first] != 1 {
			t.Errorf("the request that generates has %d of %d items", n[first], len(items))
		}
		if len(items) != 1+16 || len(n) != 4 {
			t.Errorf("%d items for %d sequences, want 1 and a chunk of 16 for 4", len(items), len(n))
		}
		outputs := 0
		for seq, k := range n {
			if seq != first && k != 3 && k != 6 && k != 7 {
				t.Errorf("sequence %d has %d items; 16 shared by needs of 3, 81 and 151 are 3, 6 and 7", seq, k)
			}
		}
		for _, it := range items {
			if it.Output {
				outputs++
			}
		}
		if outputs != 2 {
			t.Errorf("%d outputs; the one that generates and the one whose prompt is complete need one", outputs)
		}
		g.release()
		g.let()
		wg.Wait()
	})
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: g.before}, engine.Options{Parallel: 2, Queue: 3})
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		for _, p := range []string{"a", "b", "c", "d", "e"} {
			wg.Go(func() {
				err := e.Generate(t.Context(), backend.GenerateRequest{Prompt: text(p), MaxTokens: 2}, func(ev backend.Event) error {
					if ev.Prompt != nil {
						mu.Lock()
						order = append(order, p)
						mu.Unlock()
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if s := e.Stats(); s.Active != 1 || s.Waiting != 4 || s.Slots != 2 {
			t.Errorf("stats while the first step runs: %+v", s)
		}
		a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("f")})
		if !errors.Is(a.err, base.ErrBusy) {
			t.Errorf("error %v, want %v", a.err, base.ErrBusy)
		}
		for range 6 {
			g.next()
			synctest.Wait()
			if s := e.Stats(); s.Active > 2 {
				t.Errorf("%d active, 2 slots", s.Active)
			}
			g.let()
			synctest.Wait()
		}
		wg.Wait()
		if got := strings.Join(order, ""); got != "abcde" {
			t.Errorf("admitted in order %s", got)
		}
		if s := e.Stats(); s.Active != 0 || s.Waiting != 0 || s.Requests != 5 {
			t.Errorf("stats at rest: %+v", s)
		}
	})
}

func TestSlowConsumerLosesNothingAndStallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
		resume := make(chan struct{})
		slow := make(chan answer, 1)
		req := backend.GenerateRequest{Prompt: text("slow"), MaxTokens: 100, Logprobs: true}
		req.Sampling.IgnoreEOS = true
		go func() {
			var a answer
			a.err = e.Generate(t.Context(), req, func(ev backend.Event) error {
				<-resume
				a.events++
				a.tokens = append(a.tokens, ev.Tokens...)
				a.logprobs = append(a.logprobs, ev.Logprobs...)
				a.text += ev.Text
				return nil
			})
			slow <- a
		}()
		synctest.Wait() // its decoding is over, its consumer has not taken the first event
		if s := e.Stats(); s.Requests != 1 || s.Active != 0 {
			t.Errorf("stats %+v: the request did not finish without its consumer", s)
		}
		ask(t, e, backend.GenerateRequest{Prompt: text("quick")})
		close(resume)
		a := <-slow
		quick := generate(t.Context(), t, e, req)
		if a.err != nil || a.text != quick.text || len(a.tokens) != 100 || len(a.logprobs) != 100 {
			t.Errorf("slow: %d tokens, %d log-probabilities, text %q, error %v; want text %q", len(a.tokens), len(a.logprobs), a.text, a.err, quick.text)
		}
		if a.events > 3 {
			t.Errorf("%d events; what waited should come as one", a.events)
		}
	})
}

func TestTimings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := func(ctx context.Context, items []engine.Item) error {
			time.Sleep(time.Duration(len(items)) * time.Millisecond)
			return nil
		}
		e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: step}, engine.Options{Parallel: 1})
		var wg sync.WaitGroup
		var first, second answer
		wg.Go(func() {
			first = generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text(strings.Repeat("a", 99)), MaxTokens: 5})
		})
		synctest.Wait()
		wg.Go(func() { second = generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("b"), MaxTokens: 1}) })
		wg.Wait()
		const ms = time.Millisecond
		if want := (backend.Timings{Prefill: 100 * ms, Generate: 4 * ms}); first.final.Timings != want {
			t.Errorf("first: %+v, want %+v", first.final.Timings, want)
		}
		if want := (backend.Timings{Queue: 104 * ms, Prefill: 2 * ms}); second.final.Timings != want {
			t.Errorf("second: %+v, want %+v", second.final.Timings, want)
		}
		if s := e.Stats(); s.Busy != 106*ms {
			t.Errorf("busy %v", s.Busy)
		}
	})
}

func TestStats(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	ask(t, e, backend.GenerateRequest{Prompt: text("hello"), MaxTokens: 3})
	ask(t, e, backend.GenerateRequest{Prompt: text("hello"), MaxTokens: 3})
	got := e.Stats()
	got.Busy = 0
	want := backend.Stats{Slots: 4, Cells: 512, CellsUsed: 8, Requests: 2, PromptTokens: 6 + 1, CachedTokens: 5, OutputTokens: 6, Steps: 6, StepTokens: 8 + 3}
	if got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}
