package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// loop is the one goroutine that drives the executor. It owns all that is here, and the requests
// from submission until it ends them.
type loop struct {
	exec       Executor
	opts       Options
	mailbox    *mailbox
	cache      *cache
	maxOutputs int
	ceiling    int // cells that can be had, as far as known: the executor may lack some that it announced

	active  []*request // that have a sequence, oldest first
	queue   []*request // that wait for one, oldest first
	embeds  []*request
	mail    mail
	plan    plan
	parking parking
	stats   backend.Stats
	drafts  *drafts
	now     time.Time // when the current round began, or its step ended
	yielded time.Time // when a step yielded something last
	stopped error     // what requests end with when the engine closes
}

func newLoop(exec Executor, parker Parker, opts Options, m *mailbox, d *drafts) *loop {
	limits := exec.Limits()
	l := &loop{
		exec:       exec,
		opts:       opts,
		mailbox:    m,
		cache:      newCache(exec),
		ceiling:    limits.Cells,
		maxOutputs: mostOutputs(limits),
		drafts:     d,
		stopped:    fmt.Errorf("engine: closed: %w", backend.ErrModelNotLoaded),
	}
	l.parking = parking{parker: parker, after: opts.ParkAfter}
	l.cache.leaving = l.leaving
	l.stats.Slots, l.stats.Cells = opts.Parallel, limits.Cells
	l.publish()
	return l
}

// run works until the mailbox is closed.
func (l *loop) run() {
	defer close(l.mailbox.done)
	var parked time.Duration // after which something is to be parked; 0: nothing will be
	for l.receive(parked) {
		l.now = time.Now()
		if len(l.queue)+len(l.embeds) > 0 {
			l.deliver(forever)
		}
		l.admit()
		l.embed()
		l.step()
		parked = l.park()
	}
	for _, rs := range [][]*request{l.active, l.queue, l.embeds, l.mail.arrivals} {
		for _, r := range slices.Clone(rs) {
			l.end(r, l.stopped)
		}
	}
}

// receive takes what callers sent, and waits for it when there is nothing else to do, not longer than
// most unless it is 0. False: the engine was closed.
func (l *loop) receive(most time.Duration) bool {
	idle := len(l.active)+len(l.queue)+len(l.embeds) == 0
	l.mailbox.collect(&l.mail, idle, most)
	if l.mail.closed {
		return false
	}
	for _, r := range l.mail.arrivals {
		if r.embedding != nil {
			l.embeds = append(l.embeds, r)
		} else {
			l.queue = append(l.queue, r)
		}
	}
	for _, r := range l.mail.cancels {
		l.end(r, errCancelled)
	}
	for _, call := range l.mail.calls {
		call(l)
	}
	clear(l.mail.arrivals)
	clear(l.mail.cancels)
	clear(l.mail.calls)
	return true
}

// admit gives sequences to waiting requests, oldest first, as slots and cells allow.
func (l *loop) admit() {
	if len(l.active) == 0 {
		l.ceiling = l.exec.Limits().Cells
	}
	free := l.opts.Parallel - len(l.active)
	for i := 0; i < len(l.queue) && free > 0; {
		r := l.queue[i]
		switch l.place(r) {
		case placed:
			l.queue = slices.Delete(l.queue, i, i+1)
			l.activate(r)
		case awaiting:
			i++
		case crowded:
			return
		}
		free--
	}
}

// activate keeps the order of arrival: a request that was preempted is older than those that came
// after it.
func (l *loop) activate(r *request) {
	l.active = insertByArrival(l.active, r)
	l.publish()
}

func insertByArrival(rs []*request, r *request) []*request {
	i, _ := slices.BinarySearchFunc(rs, r, func(a, b *request) int { return cmp.Compare(a.arrival, b.arrival) })
	return slices.Insert(rs, i, r)
}

// step computes one step for the active requests and hands out what it yields.
func (l *loop) step() {
	if !l.prepare() {
		return
	}
	if !l.mailbox.begin(l.plan.parts) {
		return
	}
	if l.plan.reads() {
		l.deliver(forever)
	}
	l.drafts.keep(l.plan.parts)
	used := l.cache.ledger.used()
	start := time.Now()
	err := l.exec.Step(l.plan.items)
	l.now = time.Now()
	l.mailbox.finish(l.plan.parts)
	l.stats.Busy += l.now.Sub(start)
	switch {
	case err == nil:
		l.commit(l.now.Sub(start))
		l.drafts.consult(l.active)
	case errors.Is(err, ErrInterrupted):
	case errors.Is(err, ErrNoCells) && (l.plan.drafted > 0 || l.relieve()):
		l.drafts.withhold(l.active)
		l.ceiling = used + len(l.plan.items) - 1
	default:
		l.fail(err)
	}
	l.publish()
}

// prepare plans a step for which there are cells. Cached prefixes give way to drafts, active
// requests do not. False: there is nothing to do.
func (l *loop) prepare() bool {
	if len(l.active) == 0 {
		return false
	}
	l.plan.make(l.active, l.opts.Batch, l.opts.PrefillChunk, l.maxOutputs)
	l.drafts.decide(&l.plan, l.opts.Batch, l.maxOutputs)
	for len(l.active) > 0 {
		l.plan.make(l.active, l.opts.Batch, l.opts.PrefillChunk, l.maxOutputs)
		switch {
		case l.cache.ledger.used()+len(l.plan.items) <= l.ceiling:
			return true
		case l.plan.drafted > 0 && !l.cache.evict(nil):
			l.drafts.withhold(l.active)
		case l.plan.drafted == 0 && !l.relieve():
			return true
		}
	}
	return false
}

// relieve frees cells: those of the least recently used cached prefix, or else those of the
// youngest active request, which waits to be taken up again. False: the one active request has all
// the cells already.
func (l *loop) relieve() bool {
	if l.cache.evict(nil) {
		return true
	}
	if len(l.active) < 2 {
		return false
	}
	r := l.active[len(l.active)-1]
	r.out.deliver(l.now, forever, 0)
	l.active = l.active[:len(l.active)-1]
	l.cache.release(r.seq, false)
	r.seq = nil
	l.queue = insertByArrival(l.queue, r)
	l.stats.Preempted++
	return true
}

// commit records what the step computed and gives each task its logits.
func (l *loop) commit(took time.Duration) {
	l.stats.Steps++
	l.stats.StepTokens += int64(len(l.plan.items))
	l.drafts.observe(&l.plan, took)
	high := 0
	for _, p := range l.plan.parts {
		r := p.r
		if !r.generating() {
			l.stats.PromptTokens += int64(p.n)
		}
		known := p.from + p.n - p.drafted
		l.cache.extend(r.seq, r.tokens[p.from:known])
		l.cache.extend(r.seq, r.draft.taken()[:p.drafted])
		high = max(high, l.cache.ledger.used())
		drawn := len(r.tokens)
		accepted, done, err := l.drawn(p)
		l.stats.OutputTokens += int64(len(r.tokens) - drawn)
		if r.draft.on() {
			r.draft.learn(r.tokens[drawn:])
		}
		if p.drafted > 0 {
			// What was rejected is forgotten, and so is what follows the request's last token.
			l.cache.truncate(r.seq, min(known+accepted, len(r.tokens)-1))
			l.drafts.verified(p, accepted, &l.plan, took, l.now)
		}
		if r.draft != nil {
			r.draft.computed = span{from: p.from, to: known + accepted, item: p.item}
		}
		if done && err == nil {
			r.task.finish(r)
		}
		if done || err != nil {
			l.end(r, err)
		}
	}
	l.ceiling = max(l.ceiling, high)
	l.deliver(l.now.Sub(l.yielded))
	l.yielded = l.now
}

// forever is when more comes that nobody should wait for.
const forever = time.Duration(math.MaxInt64)

// deliver gives callers what there is for them, if more is not expected soon enough.
func (l *loop) deliver(soon time.Duration) {
	for _, r := range l.active {
		r.out.deliver(l.now, soon, l.opts.DeliverEvery)
	}
}

// drawn gives a task the logits of its part, those behind a drafted token only if the task has drawn
// that token itself.
func (l *loop) drawn(p part) (accepted int, done bool, err error) {
	r := p.r
	for k := range p.outputs {
		if done, err = r.task.logits(r, l.exec.Logits(p.first+k), r.draft.offered(k), l.now); err != nil {
			return accepted, done, err
		}
		if k < p.drafted {
			if r.tokens[len(r.tokens)-1] != r.draft.taken()[k] {
				return accepted, done, nil
			}
			accepted++
		}
		if done {
			return accepted, done, nil
		}
	}
	return accepted, false, nil
}

// fail ends the requests that a failed step worked for. What their sequences hold is given up.
func (l *loop) fail(err error) {
	for _, p := range l.plan.parts {
		l.cache.clear(p.r.seq)
		l.end(p.r, fmt.Errorf("engine: decode step of %d tokens: %w", len(l.plan.items), err))
	}
}

// end lets go of a request: what it computed stays as a cached prefix.
func (l *loop) end(r *request, err error) {
	if r.ended {
		return
	}
	r.ended = true
	if r.seq != nil {
		l.cache.release(r.seq, !r.private)
		r.seq = nil
	}
	is := func(q *request) bool { return q == r }
	l.active = slices.DeleteFunc(l.active, is)
	l.queue = slices.DeleteFunc(l.queue, is)
	l.embeds = slices.DeleteFunc(l.embeds, is)
	if err == nil {
		l.stats.Requests++
	}
	l.drafts.ended(r.draft)
	r.draft.drop()
	r.err = err
	l.count()
	l.mailbox.leave(l.stats)
	close(r.done)
}

func (l *loop) count() {
	l.stats.Active = len(l.active)
	l.stats.CellsUsed = l.cache.ledger.used()
	l.drafts.publish(&l.stats)
}

func (l *loop) publish() {
	l.count()
	l.mailbox.publish(l.stats)
}
