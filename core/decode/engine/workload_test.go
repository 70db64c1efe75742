package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
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

// workload reads requests from bytes; past their end it reads zeros.
type workload struct{ data []byte }

func (w *workload) next(n int) int {
	if len(w.data) == 0 {
		return 0
	}
	b := w.data[0]
	w.data = w.data[1:]
	return int(b) % n
}

func (w *workload) chance(percent int) bool { return w.next(100) >= 100-percent }

var errStep = errors.New("injected failure")

// workContext is the context of all workloads.
const workContext = 160

// job is one request of a workload.
type job struct {
	at     time.Duration // when it comes
	prompt []backend.Token
	req    backend.GenerateRequest
	score  bool
	cancel time.Duration // when its context ends; 0: never
	refuse int           // event that emit refuses; 0: none
}

var stems = []string{"", "a", strings.Repeat("system ", 5), strings.Repeat("system ", 11), strings.Repeat("system ", 5) + "other"}

func (w *workload) job() job {
	prompt := text(stems[w.next(len(stems))] + strings.Repeat(string(rune('p'+w.next(4))), 1+w.next(24))).Tokens
	j := job{
		at:     time.Duration(w.next(40)) * time.Millisecond,
		prompt: prompt,
		req: backend.GenerateRequest{
			Prompt:    backend.Prompt{Tokens: prompt},
			MaxTokens: min(1+w.next(90), workContext-len(prompt)),
			NoCache:   w.chance(10),
			Sampling:  backend.Sampling{IgnoreEOS: w.chance(50)},
		},
		score: w.chance(10),
	}
	if w.chance(50) {
		j.req.Sampling.Temperature = 1
		j.req.Sampling.Seed = uint64(1 + w.next(5))
		j.req.Sampling.RepeatPenalty = 1.1
	}
	if w.chance(20) {
		j.cancel = j.at + time.Duration(w.next(50))*time.Millisecond
	}
	if w.chance(10) {
		j.refuse = 1 + w.next(10)
	}
	return j
}

// run does the job and compares what came with what a history without a cache gives.
func (j job) run(t *testing.T, e *engine.Engine, failing bool) {
	time.Sleep(j.at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if j.cancel > 0 {
		stop := time.AfterFunc(j.cancel-j.at, cancel)
		defer stop.Stop()
	}
	accept := func(err error) bool {
		return err == nil || failing && errors.Is(err, errStep) || j.cancel > 0 && errors.Is(err, context.Canceled) || errors.Is(err, base.ErrBusy)
	}
	if j.score && len(j.prompt) > 1 {
		req := backend.ScoreRequest{Tokens: j.prompt, From: 1}
		got, err := e.Score(ctx, req)
		if !accept(err) {
			t.Errorf("score: %v", err)
		}
		if err == nil {
			checkScore(t, req, got)
		}
		return
	}
	var got []backend.Token
	var final *backend.Final
	refused := errors.New("refused")
	events := 0
	err := e.Generate(ctx, j.req, func(ev backend.Event) error {
		got = append(got, ev.Tokens...)
		final = ev.Final
		if events++; events == j.refuse {
			return refused
		}
		return nil
	})
	if !accept(err) && (j.refuse == 0 || err != refused) {
		t.Errorf("prompt of %d: %v", len(j.prompt), err)
	}
	want := naive(t, j.prompt, j.req.Sampling, j.req.MaxTokens, nil)
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || err == nil && len(got) != len(want) {
		t.Errorf("prompt of %d, %+v: %v, error %v; want %v", len(j.prompt), j.req.Sampling, got, err, want)
	}
	if err == nil && (final == nil || final.OutputTokens != len(want)) {
		t.Errorf("final %+v for %d tokens", final, len(want))
	}
}

// play runs a whole workload in a bubble.
func play(t *testing.T, data []byte) backend.Stats {
	t.Helper()
	w := &workload{data}
	parallel := 1 + w.next(5)
	config := enginetest.Config{
		Limits: engine.Limits{
			Sequences:  parallel + w.next(3),
			Cells:      workContext + w.next(200),
			Batch:      parallel + w.next(60),
			CopyIsFree: w.chance(70),
		},
		RefuseRemove: w.chance(15),
		RefuseCopy:   w.chance(15),
	}
	lacking := w.chance(15)
	if lacking {
		config.Cells = workContext
	}
	failEvery, spuriousEvery := 0, 0
	if w.chance(15) {
		failEvery = 5 + w.next(20)
	}
	if w.chance(15) {
		spuriousEvery = 2 + w.next(10)
	}
	opts := engine.Options{Context: workContext, Parallel: parallel, PrefillChunk: 1 + w.next(30), Queue: 1 + w.next(20)}
	var jobs []job
	for len(w.data) > 0 && len(jobs) < 40 {
		jobs = append(jobs, w.job())
	}
	var stats backend.Stats
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		config.BeforeStep = func(ctx context.Context, items []engine.Item) error {
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return engine.ErrInterrupted
			}
			steps++
			switch {
			case failEvery > 0 && steps%failEvery == 0:
				return errStep
			case spuriousEvery > 0 && steps%spuriousEvery == 0:
				return engine.ErrInterrupted
			}
			return nil
		}
		e, fake := start(t, config, opts)
		var wg sync.WaitGroup
		for _, j := range jobs {
			wg.Go(func() { j.run(t, e, failEvery > 0) })
		}
		wg.Wait()
		stats = e.Stats()
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		used, held := fake.Cells()
		if stats.Active != 0 || stats.Waiting != 0 || stats.CellsUsed != used {
			t.Errorf("at rest, with %d cells used, held %d times: %+v", used, held, stats)
		}
		if _, computed := fake.Steps(); stats.StepTokens != int64(computed) {
			t.Errorf("%d tokens computed: %+v", computed, stats)
		}
	})
	return stats
}

func TestWorkloads(t *testing.T) {
	var sum backend.Stats
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		data := make([]byte, 40+random.IntN(400))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		s := play(t, data)
		if t.Failed() {
			t.Fatalf("workload of seed %d", seed)
		}
		sum.Preempted += s.Preempted
		sum.CachedTokens += s.CachedTokens
		sum.Requests += s.Requests
	}
	if sum.Preempted < 30 || sum.CachedTokens < 1000 || sum.Requests < 500 {
		t.Errorf("the workloads do not reach what they are for: %+v", sum)
	}
	t.Logf("%+v", sum)
}

func FuzzWorkload(f *testing.F) {
	f.Add([]byte("two requests"))
	f.Add([]byte(strings.Repeat("many requests with much in common ", 12)))
	f.Fuzz(func(t *testing.T, data []byte) { play(t, data[:min(len(data), 600)]) })
}
