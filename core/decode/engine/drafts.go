package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/speculate"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Tapped is an [Executor] that can tell what layers compute.
type Tapped interface {
	// Tap makes all steps from now on keep the outputs of layers, ascending, of all items. It is
	// called before the first Step. Layer i is the state that the (i+1)-th layer leaves.
	Tap(layers []int) error

	// Keep says whether steps from now on keep them; they do after Tap. Keeping costs time.
	Keep(on bool)

	// Features returns those of the n-th item of the last Step, [layers, width], which must have
	// kept them. The slice belongs to the executor and is valid until the next call of Step, or of
	// an Embedder's Embed.
	Features(n int) []float32
}

// drafts is what the engine has to do with its drafter. A nil drafts has none.
type drafts struct {
	source atomic.Pointer[source] // what drafts for requests that begin
	tapped Tapped                 // nil: the drafter wants no features
	log    *slog.Logger

	// The loop's.
	now          *source // what the last round was with
	curve        speculate.Curve
	switching    time.Duration // what a step costs more when the last was of another size
	lastSize     int
	chances      *speculate.Chances
	places       *speculate.Chances
	sharing      speculate.Sharing
	asking       speculate.Asking
	account      account
	together     int // requests that generated in the last step, at least 1
	turns        []drafter.Turn
	asked        []*request
	proposals    []speculate.Proposal
	proposers    []*request
	stats        backend.DraftStats
	unpaid, lost int64
	idle, idling int // requests that begin without drafts since asking did not pay: how many the last time, and of these still to come
}

// source is a drafter that was attached. When it is lost another may take its place.
type source struct {
	attachment  drafter.Attachment
	description drafter.Description
	without     atomic.Pointer[backend.DraftStats] // of a request without it, once it is lost: nobody asks it any more
}

func newSource(a drafter.Attachment) *source {
	return &source{attachment: a, description: a.Describe()}
}

// failed says whether it is lost.
func (s *source) failed() bool { return s.without.Load() != nil }

// newDrafts joins an engine and a drafter, and measures what steps cost.
func newDrafts(exec Executor, o Options) (*drafts, error) {
	if o.Drafter == nil {
		return nil, nil
	}
	s := newSource(o.Drafter)
	d := &drafts{log: o.Log, chances: speculate.NewChances(), places: speculate.NewChances(), together: 1}
	d.source.Store(s)
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if taps := s.description.Taps; len(taps) > 0 {
		tapped, ok := exec.(Tapped)
		if !ok {
			return nil, fmt.Errorf("engine: the drafter taps layers: %w by this executor", base.ErrUnsupported)
		}
		if err := tapped.Tap(taps); err != nil {
			return nil, fmt.Errorf("engine: tap layers %v: %w", taps, err)
		}
		d.tapped = tapped
	}
	var err error
	if d.switching, err = measure(exec, &d.curve); err != nil {
		return nil, fmt.Errorf("engine: measure what steps cost: %w", err)
	}
	for _, n := range speculate.Knots(limitOf(exec)) {
		d.log.Debug("cost of a step", "tokens", n, "ms", 1000*d.curve.Cost(n))
	}
	return d, nil
}

// limitOf is the most tokens of a step that has logits after all of them.
func limitOf(exec Executor) int {
	limits := exec.Limits()
	return min(limits.Batch, limits.Cells, mostOutputs(limits))
}

const (
	measureTime   = time.Second // what measuring may take, the first step of each size aside
	measureRounds = 3
	measureToken  = 1 // any token
)

// measure times steps of several sizes, each with logits after all of its tokens, smallest first, as
// long as there is time. It leaves the cache empty. What an executor takes to change from one size to
// another and back belongs to the larger one: switching is what changing back takes.
func measure(exec Executor, curve *speculate.Curve) (switching time.Duration, err error) {
	token := backend.Token(min(measureToken, exec.Limits().Vocabulary-1))
	step := func(n int) (time.Duration, error) {
		items := make([]Item, n)
		for k := range items {
			items[k] = Item{Token: token, Pos: int32(k), Output: true}
		}
		start := time.Now()
		if err := exec.Step(items); err != nil {
			return 0, err
		}
		took := time.Since(start)
		exec.SeqRemove(0, 0, -1)
		return took, nil
	}
	began := time.Now()
	var single time.Duration
	for round := range measureRounds {
		for range 3 { // the first changes the size
			took, err := step(1)
			if err != nil {
				return 0, err
			}
			if single == 0 || took < single {
				single = took
			}
		}
		curve.Measured(1, single)
		for i, n := range speculate.Knots(limitOf(exec))[1:] {
			if i > 0 && time.Since(began) > measureTime {
				return switching, nil
			}
			took, err := step(n)
			if err != nil {
				return 0, err
			}
			back, err := step(1)
			if err != nil {
				return 0, err
			}
			if back -= single; round+i == 0 || back < switching {
				switching = max(back, 0)
			}
			curve.Measured(n, took+switching)
		}
	}
	return switching, nil
}

// open begins a session for a request, nil when nothing is drafted for it. The caller closes it.
func (d *drafts) open(ctx context.Context, g *generation, req backend.GenerateRequest) *draft {
	if d == nil || req.NoDraft {
		return nil
	}
	s := d.source.Load()
	if off := s.without.Load(); off != nil {
		g.undrafted = *off
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, draftPatience)
	defer cancel()
	session, err := s.attachment.Open(ctx, drafter.SessionOptions{Private: req.NoCache, Scope: req.Scope})
	if err != nil {
		d.judge(s, err)
		if off := s.without.Load(); off != nil {
			g.undrafted = *off
		}
		return nil
	}
	return &draft{
		source:  s,
		session: session,
		limit:   g.limit,
		// A seed promises the same answer again; what is accepted of drawn tokens depends on
		// how many are proposed, and so on the machine.
		sample:  s.description.Samples && req.Sampling.Temperature > 0 && req.Sampling.Seed == 0,
		warmth:  req.Sampling.Temperature,
		seed:    g.sampler.Seed(),
		chances: d.chances.Child(),
		places:  d.places.Child(),
	}
}

// close ends the session of a request that has ended.
func (d *drafts) close(r *draft) {
	if r == nil {
		return
	}
	if err := r.session.Close(); err != nil {
		d.log.Warn("close drafter session", "err", err)
	}
}

// draftPatience is how long a drafter may take before it is taken for hung.
const draftPatience = 5 * time.Second

// judge says whether after an error a drafter is lost for all requests.
func (d *drafts) judge(s *source, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: a call took longer than %v", base.ErrHung, draftPatience)
	}
	gone := errors.Is(err, base.ErrPluginGone) || errors.Is(err, base.ErrHung) || errors.Is(err, base.ErrLied) || errors.Is(err, drafter.ErrClosed)
	if !gone {
		return
	}
	off := backend.DraftStats{Off: backend.DraftFailed, Fault: err.Error(), Hung: errors.Is(err, base.ErrHung)}
	if s.without.CompareAndSwap(nil, &off) {
		d.log.Error("drafter lost; requests go on without drafts", "err", err)
	}
}

// keep has the next step keep features if a request of it has use for them.
func (d *drafts) keep(parts []part) {
	if d == nil || d.tapped == nil {
		return
	}
	d.tapped.Keep(slices.ContainsFunc(parts, func(p part) bool { return p.r.draft.on() && !p.r.draft.source.failed() }))
}

// lose makes a request go on without drafts.
func (d *drafts) lose(r *draft, err error) {
	d.judge(r.source, err)
	off := r.source.without.Load()
	if off == nil {
		d.log.Warn("drafter failed; a request goes on without drafts", "err", err)
	}
	r.stats.Off = backend.DraftFailed
	d.stats.Off = backend.DraftFailed
	if off != nil {
		r.stats.Fault, r.stats.Hung = off.Fault, off.Hung
		d.stats.Fault, d.stats.Hung = off.Fault, off.Hung
	}
	r.drop()
	d.lost++
}

// publish copies the counts.
func (d *drafts) publish(s *backend.Stats) {
	if d != nil {
		s.Draft, s.DraftUnpaid, s.DraftFailed = d.stats, d.unpaid, d.lost
	}
}
