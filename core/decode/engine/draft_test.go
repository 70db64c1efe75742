package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// oracle is a drafter that asks what the fake executor would say, and is wrong as often as it is told.
type oracle struct {
	next    func(history []backend.Token) backend.Token // what it proposes
	most    int
	samples bool
	taps    []int
	fail    func(call int) error
	sure    func(history []backend.Token) float32 // its confidence; nil: none
	calls   atomic.Int64
	open    atomic.Int64
	asks    atomic.Int64
}

func (o *oracle) Describe() drafter.Description {
	return drafter.Description{MaxDraft: max(o.most, 1), Confident: o.sure != nil, Samples: o.samples, Taps: o.taps}
}

func (o *oracle) Open(context.Context, drafter.SessionOptions) (drafter.Session, error) {
	o.open.Add(1)
	target := drafter.Target{Vocabulary: enginetest.Vocabulary{}.Size(), Layers: 1, Width: 1, Context: 1 << 20, Sessions: 1}
	return &oracleSession{Text: drafter.NewText(target, o.Describe()), oracle: o}, nil
}

func (o *oracle) Close() error { return nil }

type oracleSession struct {
	*drafter.Text
	oracle *oracle
}

func (s *oracleSession) Committed(_ context.Context, tokens []drafter.Token, f drafter.Features) error {
	if fail := s.oracle.fail; fail != nil {
		if err := fail(int(s.oracle.calls.Add(1))); err != nil {
			return err
		}
	}
	return s.Text.Committed(tokens, f)
}

func (s *oracleSession) Propose(_ context.Context, ask drafter.Ask) (drafter.Proposal, error) {
	if err := s.Ask(ask); err != nil {
		return drafter.Proposal{}, err
	}
	s.oracle.asks.Add(1)
	var p drafter.Proposal
	text := slices.Clone(s.Tokens)
	for range ask.N {
		t := s.oracle.next(text)
		if s.oracle.sure != nil {
			p.Confidence = append(p.Confidence, s.oracle.sure(text))
		}
		if ask.Sample && s.oracle.samples {
			other := (t + 1) % 256
			p.Drawn = append(p.Drawn, drafter.Distribution{Tokens: []drafter.Token{t, other}, Probabilities: []float32{0.5, 0.5}})
			if (ask.Seed+uint64(len(text)))*0x9e3779b97f4a7c15>>63 == 1 {
				t = other
			}
		}
		p.Tokens, text = append(p.Tokens, t), append(text, t)
	}
	s.Proposed(p.Tokens)
	return p, nil
}

func (s *oracleSession) Settle(_ context.Context, accepted int) error {
	_, err := s.Text.Settle(accepted)
	return err
}

func (s *oracleSession) Close() error {
	s.oracle.open.Add(-1)
	s.Text.Close()
	return nil
}

// likeliest is what the fake says after a history, when it is asked for the likeliest.
func likeliest(history []backend.Token) backend.Token {
	logits := enginetest.Logits(history, enginetest.Vocabulary{}.Size(), nil)
	best := 0
	for i := range logits {
		if logits[i] > logits[best] {
			best = i
		}
	}
	return backend.Token(best)
}

// often is right but for every n-th position.
func often(n int) func([]backend.Token) backend.Token {
	return func(history []backend.Token) backend.Token {
		if len(history)%n == 0 {
			return 7
		}
		return likeliest(history)
	}
}

// requests are of all kinds that a drafter could disturb.
func requests() []backend.GenerateRequest {
	greedy := backend.Sampling{}
	warm := backend.Sampling{Temperature: 0.7, TopK: 5, Seed: 11}
	return []backend.GenerateRequest{
		{Prompt: text("plain"), MaxTokens: 40, Sampling: greedy},
		{Prompt: text("warm"), MaxTokens: 40, Sampling: warm},
		{Prompt: text("penalties"), MaxTokens: 40, Sampling: backend.Sampling{RepeatPenalty: 1.3, FrequencyPenalty: 0.5, PenaltyLastN: -1}},
		{Prompt: text("logprobs"), MaxTokens: 30, Sampling: greedy, Logprobs: true, TopLogprobs: 3},
		{Prompt: text("grammar"), MaxTokens: 60, Sampling: warm, Constraint: backend.Constraint{Grammar: `root ::= ("ab" | "cd")+ "."`}},
		{Prompt: text("schema"), MaxTokens: 60, Sampling: greedy, Constraint: backend.Constraint{JSONSchema: `{"type":"array","items":{"type":"boolean"},"maxItems":9}`}},
		{Prompt: text("ends"), MaxTokens: 300, Sampling: backend.Sampling{LogitBias: map[backend.Token]float32{enginetest.EOS: 3}}},
		{Prompt: text("never ends"), MaxTokens: 50, Sampling: backend.Sampling{IgnoreEOS: true, LogitBias: map[backend.Token]float32{enginetest.EOS: 30}}},
		{Prompt: text("no draft"), MaxTokens: 30, Sampling: greedy, NoDraft: true},
		{Prompt: text("private"), MaxTokens: 30, Sampling: greedy, NoCache: true},
		{Prompt: text("one"), MaxTokens: 1, Sampling: greedy},
		{Prompt: text("two"), MaxTokens: 2, Sampling: greedy},
	}
}

// same wants two answers to be the same in all that a caller sees, timings and drafts aside.
func same(t *testing.T, what string, want, got answer) {
	t.Helper()
	if want.err != nil || got.err != nil {
		t.Errorf("%s: %v and %v", what, want.err, got.err)
		return
	}
	for _, a := range []*answer{&want, &got} {
		a.final.Timings, a.final.Draft, a.final.CachedTokens, a.final.Seed = backend.Timings{}, backend.DraftStats{}, 0, 0
	}
	if want.text != got.text || !slices.Equal(want.tokens, got.tokens) || want.final != got.final {
		t.Errorf("%s:\nwithout %v %q %+v\n   with %v %q %+v", what, want.tokens, want.text, want.final, got.tokens, got.text, got.final)
	}
	if fmt.Sprint(want.logprobs) != fmt.Sprint(got.logprobs) {
		t.Errorf("%s: log-probabilities differ", what)
	}
}

// TestDraftsChangeNothing compares answers with and without a drafter, alone and together, for
// drafters that are always right, often right and never right.
func TestDraftsChangeNothing(t *testing.T) {
	plain, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	stop := answerOf(t, plain, backend.GenerateRequest{Prompt: text("stop"), MaxTokens: 30}).text
	all := append(requests(), backend.GenerateRequest{Prompt: text("stop"), MaxTokens: 30, Stop: []string{stop[9:12]}})
	want := make([]answer, len(all))
	for i, req := range all {
		want[i] = answerOf(t, plain, req)
	}
	for name, next := range map[string]func([]backend.Token) backend.Token{
		"right": likeliest, "often": often(5), "never": func([]backend.Token) backend.Token { return 3 },
	} {
		for layout, config := range map[string]enginetest.Config{
			"shared": {Limits: limits()},
			"copied": {Limits: engine.Limits{Sequences: 4, Cells: 512, Batch: 64}},
			"scarce": {Limits: limits(), Cells: 200},
			"uncut":  {Limits: limits(), RefuseRemove: true},
		} {
			inNoTime(t, name+"/"+layout, func(t *testing.T) {
				o := &oracle{next: next, most: 6}
				e, _ := start(t, config, engine.Options{Drafter: o})
				for i, req := range all {
					got := answerOf(t, e, req)
					if req.NoDraft && got.final.Draft != (backend.DraftStats{}) {
						t.Errorf("drafted against its will: %+v", got.final.Draft)
					}
					same(t, "alone: "+req.Prompt.Text, want[i], got)
				}
				var together sync.WaitGroup
				for i, req := range all {
					together.Go(func() { same(t, "together: "+req.Prompt.Text, want[i], answerOf(t, e, req)) })
				}
				together.Wait()
				s := e.Stats()
				if name == "right" && layout == "shared" && (s.Draft.Accepted == 0 || s.Draft.Committed() < 2) {
					t.Errorf("an oracle is of no use: %+v", s.Draft)
				}
				if n := o.open.Load(); n != 0 {
					t.Errorf("%d sessions are left open", n)
				}
			})
		}
	}
}

// TestDraftCounts looks at one request's numbers.
func TestDraftCounts(t *testing.T) { inNoTime(t, "", testDraftCounts) }

func testDraftCounts(t *testing.T) {
	e, fake := start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: &oracle{next: likeliest, most: 4}})
	before, _ := fake.Steps()
	a := answerOf(t, e, backend.GenerateRequest{Prompt: text("count"), MaxTokens: 26, Sampling: backend.Sampling{IgnoreEOS: true}})
	d := a.final.Draft
	if d.Drafted != d.Accepted || d.Verified == 0 || d.Positions[0].Drafted != d.Verified || d.Off != "" {
		t.Errorf("%+v", d)
	}
	after, _ := fake.Steps()
	if steps := after - before; steps != 1+d.Verified && steps != 2+d.Verified {
		t.Errorf("%d steps, %d verifications", steps, d.Verified)
	}
	if 1+d.Accepted+d.Verified != 26 && 2+d.Accepted+d.Verified != 26 {
		t.Errorf("%+v are not 26 tokens", d)
	}
	if s := e.Stats(); s.Draft.Drafted != d.Drafted || s.Draft.Positions != d.Positions {
		t.Errorf("all: %+v, the one: %+v", s.Draft, d)
	}
}

// TestDrafterFails breaks the drafter in each of its first calls: the answer stays.
func TestDrafterFails(t *testing.T) { inNoTime(t, "", testDrafterFails) }

func testDrafterFails(t *testing.T) {
	plain, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	req := backend.GenerateRequest{Prompt: text("fails"), MaxTokens: 40, Sampling: backend.Sampling{IgnoreEOS: true}}
	want := answerOf(t, plain, req)
	for _, gone := range []bool{true, false} {
		for call := 1; call < 6; call++ {
			err := errors.New("broken")
			if gone {
				err = fmt.Errorf("broken: %w", base.ErrPluginGone)
			}
			o := &oracle{next: likeliest, most: 3, fail: func(n int) error {
				if n == call {
					return err
				}
				return nil
			}}
			e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{Drafter: o})
			got := answerOf(t, e, req)
			if got.final.Draft.Off != backend.DraftFailed || e.Stats().DraftFailed != 1 {
				t.Errorf("call %d: %+v, %d failed", call, got.final.Draft, e.Stats().DraftFailed)
			}
			same(t, fmt.Sprintf("broken in call %d", call), want, got)
			asks := o.asks.Load()
			second := answerOf(t, e, req)
			same(t, "after that", want, second)
			for _, d := range []backend.DraftStats{got.final.Draft, second.final.Draft} {
				if gone && (d.Off != backend.DraftFailed || d.Fault != err.Error()) || !gone && d.Fault != "" {
					t.Errorf("call %d: %+v", call, d)
				}
			}
			if asked := o.asks.Load() > asks; asked == gone {
				t.Errorf("a drafter that is gone (%v) was asked again: %v", gone, asked)
			}
		}
	}
}

// TestDraftedSampling draws many first tokens with drafts that were drawn too, and without: their
// frequencies are the same by chi-squared. The fake's vocabulary is narrowed by top_k.
func TestDraftedSampling(t *testing.T) { inNoTime(t, "", testDraftedSampling) }

func testDraftedSampling(t *testing.T) {
	const rounds, length = 1500, 4
	count := func(o engine.Options) (counts [length]map[backend.Token]float64, s backend.Stats) {
		e, _ := start(t, enginetest.Config{Limits: limits()}, o)
		for k := range counts {
			counts[k] = map[backend.Token]float64{}
		}
		for range rounds {
			a := answerOf(t, e, backend.GenerateRequest{Prompt: text("chi"), MaxTokens: length, Sampling: backend.Sampling{Temperature: 2, TopK: 4}})
			for k, tok := range a.tokens {
				counts[k][tok]++
			}
		}
		return counts, e.Stats()
	}
	want, _ := count(engine.Options{})
	got, s := count(engine.Options{Drafter: &oracle{next: likeliest, most: 3, samples: true}})
	if s.Draft.Accepted == 0 || s.Draft.Accepted == s.Draft.Drafted {
		t.Fatalf("nothing was tried: %+v", s.Draft)
	}
	for k := range want {
		chi, free := 0.0, -1.0
		seen := map[backend.Token]bool{}
		for _, m := range []map[backend.Token]float64{want[k], got[k]} {
			for tok := range m {
				if n := want[k][tok] + got[k][tok]; !seen[tok] && n >= 10 {
					seen[tok] = true
					chi += (want[k][tok] - got[k][tok]) * (want[k][tok] - got[k][tok]) / n
					free++
				}
			}
		}
		if limit := free + 4*math.Sqrt(2*free) + 4; chi > limit {
			t.Errorf("token %d: chi-squared %.1f of %v degrees of freedom", k, chi, free)
		}
	}
}

// TestDraftNeedsTaps wants a drafter that taps layers to be refused where there are none to tap.
func TestDraftNeedsTaps(t *testing.T) {
	fake := enginetest.NewFake(t, enginetest.Config{Limits: limits()})
	_, err := engine.New(fake, enginetest.Vocabulary{}, engine.Options{Drafter: tapping{}})
	if !errors.Is(err, base.ErrUnsupported) || !strings.Contains(err.Error(), "taps") {
		t.Errorf("got %v", err)
	}
}

type tapping struct{ *oracle }

func (tapping) Describe() drafter.Description {
	return drafter.Description{MaxDraft: 1, Taps: []int{0}}
}

// inNoTime runs a test whose steps take no time: nothing is known of what they cost, and drafts are
// never too dear.
func inNoTime(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// answerOf collects an answer, whatever it is.
func answerOf(t *testing.T, e *engine.Engine, req backend.GenerateRequest) answer {
	t.Helper()
	return generate(t.Context(), t, e, req)
}
