package engine_test

import (
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

// ask generates a few tokens greedily and checks them against the naive answer.
func ask(t *testing.T, e *engine.Engine, req backend.GenerateRequest) answer {
	t.Helper()
	if req.MaxTokens == 0 {
		req.MaxTokens = 4
	}
	a := generate(t.Context(), t, e, req)
	if want := naive(t, req.Prompt.Tokens, req.Sampling, req.MaxTokens, nil); a.err != nil || !slices.Equal(a.tokens, want) {
		t.Errorf("prompt of %d tokens, %d cached: answer %v, error %v; want %v", len(req.Prompt.Tokens), a.prompt.Cached, a.tokens, a.err, want)
	}
	if a.final.CachedTokens != a.prompt.Cached {
		t.Errorf("cached: %d told first, %d last", a.prompt.Cached, a.final.CachedTokens)
	}
	return a
}

func TestReuse(t *testing.T) {
	system := strings.Repeat("system ", 20) // 140 bytes and bos
	type turn struct {
		prompt  string
		private bool
		cached  int
	}
	free := limits()
	copies := limits()
	copies.CopyIsFree = false
	for _, tc := range []struct {
		name   string
		config enginetest.Config
		turns  []turn
	}{
		{"same prompt again", enginetest.Config{Limits: free}, []turn{{"hello", false, 0}, {"hello", false, 5}}},
		{"longer prompt", enginetest.Config{Limits: free}, []turn{{"hello", false, 0}, {"hello there", false, 6}}},
		{"nothing in common but bos", enginetest.Config{Limits: free}, []turn{{"abcdef", false, 0}, {"uvwxyz", false, 0}, {"abcdef", false, 6}}},
		{"shared system prompt", enginetest.Config{Limits: free}, []turn{{system + "a", false, 0}, {system + "b", false, 141}, {system + "c", false, 141}}},
		{"shared system prompt, copied", enginetest.Config{Limits: copies}, []turn{{system + "a", false, 0}, {system + "b", false, 141}}},
		{"long cache is kept beside its prefix", enginetest.Config{Limits: free}, []turn{
			{system + strings.Repeat("long", 20), false, 0}, {system + "b", false, 141}, {system + strings.Repeat("long", 20), false, 220},
		}},
		{"copies refused", enginetest.Config{Limits: free, RefuseCopy: true}, []turn{
			{system + strings.Repeat("long", 20), false, 0}, {system + "b", false, 141}, {system + strings.Repeat("long", 20), false, 141},
		}},
		{"cuts refused", enginetest.Config{Limits: free, RefuseRemove: true}, []turn{{"hello", false, 0}, {"hello", false, 0}, {"hello", false, 0}}},
		{"private does not leave", enginetest.Config{Limits: free}, []turn{{system, true, 0}, {system, false, 0}}},
		{"private does not read", enginetest.Config{Limits: free}, []turn{{system, false, 0}, {system, true, 0}, {system, false, 140}}},
		{"least recently used goes first", enginetest.Config{Limits: engine.Limits{Sequences: 2, Cells: 512, Batch: 64, CopyIsFree: true}}, []turn{
			{"aaaa", false, 0}, {"bbbb", false, 0}, {"aaaa", false, 4}, {"cccc", false, 1}, {"aaaa", false, 4}, {"bbbb", false, 1},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, fake := start(t, tc.config, engine.Options{Parallel: 1})
			var computed int
			for i, turn := range tc.turns {
				_, before := fake.Steps()
				a := ask(t, e, backend.GenerateRequest{Prompt: text(turn.prompt), NoCache: turn.private})
				if a.prompt.Cached != turn.cached {
					t.Errorf("turn %d: %d cached, want %d", i, a.prompt.Cached, turn.cached)
				}
				_, after := fake.Steps()
				// All but the last token drawn are computed.
				if want := a.prompt.Tokens - turn.cached + len(a.tokens) - 1; after-before != want {
					t.Errorf("turn %d: %d tokens computed, want %d", i, after-before, want)
				}
				computed += after - before
			}
			if s := e.Stats(); s.StepTokens != int64(computed) || s.Requests != int64(len(tc.turns)) {
				t.Errorf("stats %+v, computed %d", s, computed)
			}
		})
	}
}

func TestConversationContinues(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	prompt := text("turn one").Tokens
	for turn := range 4 {
		a := ask(t, e, backend.GenerateRequest{Prompt: backend.Prompt{Tokens: prompt}, MaxTokens: 10})
		if turn > 0 {
			// Cached is all up to the answer's last token, which was drawn but not computed.
			if want := len(prompt) - len(" more") - 1; a.prompt.Cached != want {
				t.Errorf("turn %d: %d cached, want %d", turn, a.prompt.Cached, want)
			}
		}
		prompt = append(append(prompt[:len(prompt):len(prompt)], a.tokens...), spell(" more")...)
	}
}

func TestPrefixInTheMakingIsSharedNotComputedTwice(t *testing.T) {
	for _, free := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			l := limits()
			l.CopyIsFree, l.Cells = free, 1024
			e, fake := start(t, enginetest.Config{Limits: l, BeforeStep: g.before}, engine.Options{Context: 256})
			system := strings.Repeat("system ", 20)
			var wg sync.WaitGroup
			begin := func(prompt string) {
				wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: text(prompt)}) })
				synctest.Wait()
			}
			begin(system + "0")
			items := g.next()
			if len(items) != l.Batch {
				t.Errorf("first step of %d items, want %d", len(items), l.Batch)
			}
			for _, p := range []string{"1", "2", "3"} {
				begin(system + p)
			}
			g.let()
			if n := count(g.next()); len(n) != 1 {
				t.Errorf("second step works for %d sequences, want the first alone", len(n))
			}
			g.release()
			g.let()
			wg.Wait()
			if _, computed := fake.Steps(); computed != 142+3*1+4*3 {
				t.Errorf("%d tokens computed; the prefix of 141 should be computed once", computed)
			}
			if s := e.Stats(); s.CachedTokens != 3*141 || s.PromptTokens != 142+3 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

func TestNobodyReadsThePromptOfAPrivateRequest(t *testing.T) {
	for when, delay := range map[string]time.Duration{"computing it": 0, "generating": 10 * time.Millisecond} {
		t.Run(when, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, _ := start(t, enginetest.Config{Limits: limits(), BeforeStep: tick}, engine.Options{})
				prompt := text(strings.Repeat("secret ", 15))
				var wg sync.WaitGroup
				wg.Go(func() { ask(t, e, backend.GenerateRequest{Prompt: prompt, MaxTokens: 50, NoCache: true}) })
				synctest.Wait()
				time.Sleep(delay)
				a := ask(t, e, backend.GenerateRequest{Prompt: prompt, MaxTokens: 1})
				if s := e.Stats(); a.prompt.Cached != 0 || a.final.Timings.Queue > time.Millisecond || s.Active != 1 {
					t.Errorf("%d tokens cached, timings %+v, stats %+v", a.prompt.Cached, a.final.Timings, s)
				}
				wg.Wait()
			})
		})
	}
}
