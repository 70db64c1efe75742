package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestScoreTellsDistributions(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	req := backend.ScoreRequest{Tokens: text(strings.Repeat("d", 150)).Tokens, From: 3, TopLogprobs: 2}
	at := req.From
	req.Distribution = func(l backend.Levels) error {
		logits := enginetest.Logits(req.Tokens[:at], enginetest.Vocabulary{}.Size(), nil)
		if !slices.Equal(l, backend.NewLevels(nil, logits)) {
			t.Errorf("token %d has another distribution", at)
		}
		at++
		return nil
	}
	got, err := e.Score(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	checkScore(t, req, got)
	if at != len(req.Tokens) {
		t.Errorf("told up to token %d of %d", at, len(req.Tokens))
	}
}

func TestScoreEndsWithTheErrorOfWhoIsTold(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	stop := errors.New("enough")
	calls := 0
	_, err := e.Score(t.Context(), backend.ScoreRequest{
		Tokens: text(strings.Repeat("d", 150)).Tokens, From: 1,
		Distribution: func(backend.Levels) error { calls++; return stop },
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
	if s := e.Stats(); s.Active != 0 {
		t.Errorf("%d requests are active", s.Active)
	}
}
