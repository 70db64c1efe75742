package engine_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestConstraints(t *testing.T) {
	for _, tc := range []struct {
		name       string
		constraint backend.Constraint
		matches    string // the whole answer, when it is stopped
	}{
		{"finished grammar", backend.Constraint{Grammar: `root ::= "yes" | "no"`}, `yes|no`},
		{"grammar that can go on", backend.Constraint{Grammar: `root ::= [ab]+`}, `[ab]+`},
		{"schema", backend.Constraint{JSONSchema: `{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}`}, `(?s)\s*\{\s*"ok"\s*:\s*(true|false)\s*\}\s*`},
	} {
		for _, ignoreEOS := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ignore_eos %v", tc.name, ignoreEOS), func(t *testing.T) {
				e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
				whole := regexp.MustCompile(`\A(?:` + tc.matches + `)\z`)
				for seed := range uint64(20) {
					a := generate(t.Context(), t, e, backend.GenerateRequest{
						Prompt:     text("answer"),
						MaxTokens:  200,
						Sampling:   backend.Sampling{Temperature: 1, Seed: seed + 1, IgnoreEOS: ignoreEOS},
						Constraint: tc.constraint,
					})
					if a.err != nil {
						t.Fatal(a.err)
					}
					if a.final.Reason == backend.FinishStop && !whole.MatchString(a.text) {
						t.Errorf("seed %d: %q", seed, a.text)
					}
					if ignoreEOS && slices.ContainsFunc(a.tokens, enginetest.Vocabulary{}.IsEnd) {
						t.Errorf("seed %d: end token in %v", seed, a.tokens)
					}
				}
			})
		}
	}
}

func TestFinishedGrammarNeedsNoEndToken(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	a := generate(t.Context(), t, e, backend.GenerateRequest{Prompt: text("say"), Constraint: backend.Constraint{Grammar: `root ::= "abc"`}})
	if a.err != nil || a.text != "abc" || a.final.Reason != backend.FinishStop || a.final.OutputTokens != 3 {
		t.Fatalf("%q, final %+v, error %v", a.text, a.final, a.err)
	}
}

// Constraints are compiled once and used by many requests together.
func TestConstraintsAreShared(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			schema := fmt.Sprintf(`{"enum":[%d,"x"]}`, i%20)
			a := generate(t.Context(), t, e, backend.GenerateRequest{
				Prompt:     text(fmt.Sprint(i)),
				MaxTokens:  50,
				Sampling:   backend.Sampling{Temperature: 1, Seed: 1},
				Constraint: backend.Constraint{JSONSchema: schema},
			})
			var v any
			if err := json.Unmarshal([]byte(a.text), &v); a.err != nil || err != nil || v != "x" && v != float64(i%20) {
				t.Errorf("schema %s: %q, error %v", schema, a.text, a.err)
			}
		})
	}
	wg.Wait()
}
