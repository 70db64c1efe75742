package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/speculate"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// consult tells the drafter what the last step brought and asks what to verify in the next.
func (d *drafts) consult(active []*request) {
	if d == nil {
		return
	}
	d.follow(active)
	if d.now.failed() {
		return
	}
	d.turns, d.asked = d.turns[:0], d.asked[:0]
	generating := 0
	for _, r := range active {
		if r.generating() {
			generating++
		}
	}
	d.together = max(generating, 1)
	wanted := 0
	for _, r := range active {
		if !r.draft.on() || d.idles(r.draft) {
			continue
		}
		turn, ok := d.turn(r, generating)
		if !ok {
			continue
		}
		wanted += turn.Ask.N
		d.turns, d.asked = append(d.turns, turn), append(d.asked, r)
	}
	if len(d.turns) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), draftPatience)
	start := time.Now()
	drafter.Round(ctx, d.now.attachment, d.turns)
	took := time.Since(start)
	cancel()
	d.paid(took, wanted)
	for i, r := range d.asked {
		d.answered(r.draft, &d.turns[i], took/time.Duration(len(d.turns)))
	}
	clear(d.turns)
	clear(d.asked)
}

// errReplaced is why a request goes on without drafts whose drafter another has taken the place of.
var errReplaced = fmt.Errorf("%w: another has taken its place", drafter.ErrClosed)

// follow turns to the drafter that is there now. What another drafted for goes on without.
func (d *drafts) follow(active []*request) {
	s := d.source.Load()
	if s == d.now {
		return
	}
	for _, r := range active {
		if r.draft.on() && r.draft.source != s {
			d.lose(r.draft, errReplaced)
		}
	}
	d.stats.Off, d.stats.Fault, d.stats.Hung = "", "", false
	d.now = s
}

// turn is what a request's session is told and asked. False: nothing now.
func (d *drafts) turn(r *request, generating int) (drafter.Turn, bool) {
	x := r.draft
	x.drop()
	t := drafter.Turn{Session: x.session}
	x.untold = joined(x.untold, d.features(r))
	if r.generating() {
		if x.began.IsZero() {
			x.began = time.Now()
		}
		t.Ask = d.ask(r, generating)
	}
	if t.Ask.N == 0 && x.untold.Rows < gather {
		return t, false
	}
	t.Features, x.untold = x.untold, drafter.Features{}
	t.Accepted = x.accepted
	t.Tokens = r.tokens[x.told+x.accepted:]
	x.told, x.accepted = len(r.tokens), 0
	return t, true
}

// features are those of the positions that the last step computed and that were not told before.
func (d *drafts) features(r *request) (f drafter.Features) {
	x := r.draft
	s := x.computed
	x.computed = span{}
	if d.tapped == nil {
		return f
	}
	for pos := max(s.from, x.rows); pos < s.to; pos++ {
		if f.Rows == 0 {
			f.Pos = pos
		}
		f.Data = append(f.Data, d.tapped.Features(s.item+pos-s.from)...)
		f.Rows++
	}
	x.rows = max(x.rows, s.to)
	return f
}

// joined is a and what follows it. Where positions are missing in between, a is left out.
func joined(a, b drafter.Features) drafter.Features {
	switch {
	case b.Rows == 0:
		return a
	case a.Rows == 0 || a.Pos+a.Rows != b.Pos:
		return b
	}
	return drafter.Features{Pos: a.Pos, Rows: a.Rows + b.Rows, Data: append(a.Data, b.Data...)}
}

const (
	// gather is how many features are told at least where nothing is asked: telling costs a round.
	gather = 16
	// freely is which part of a step asking the drafter may take to count as free.
	freely = 0.02
	// probe is how many tokens are asked for, to see whether a drafter pays by now.
	probe              = 3
	minPause, maxPause = 8, 256
	// mostIdle is for how many requests at most nothing is drafted before it is tried again.
	mostIdle = 32
)

// ask is what to ask for a request, with N 0 for nothing.
func (d *drafts) ask(r *request, generating int) drafter.Ask {
	x := r.draft
	ask := drafter.Ask{Sample: x.sample, Temperature: x.warmth, Seed: x.seed + uint64(len(r.tokens))}
	// The target adds a token of its own to those that it accepts.
	room := min(d.now.description.MaxDraft, x.limit-len(r.tokens)-1)
	if room < 1 {
		return ask
	}
	ask.N = speculate.Reach(&d.curve, generating, generating, room)
	if ask.N == 0 {
		return ask
	}
	ask.Floor = float32(min(1, speculate.Floor(&d.curve, generating, generating, ask.N)))
	if d.asking.Setup+probe*d.asking.Token < freely*d.curve.Cost(1) {
		return ask
	}
	if x.resting > 0 {
		x.resting--
		ask.N = 0
		return ask
	}
	likely := x.places.Append(nil, ask.N, nil)
	if n := speculate.Worth(&d.curve, generating, generating, d.asking.Setup, d.asking.Token, likely); n > 0 {
		// One that tells how sure it is may be sure of more than it is on the average.
		if !d.now.description.Confident || d.asking.Token*float64(ask.N-n) > freely*d.curve.Cost(1) {
			ask.N = n
		}
		x.pause = 0
		return ask
	}
	x.pause = min(max(2*x.pause, minPause), maxPause)
	x.resting = x.pause
	ask.N = min(ask.N, probe)
	return ask
}

// paid notes what a round took in which so many tokens were asked for. Rounds that told of a prompt
// say nothing of others.
func (d *drafts) paid(took time.Duration, wanted int) {
	proposed := 0
	for i := range d.turns {
		if d.reads(&d.turns[i]) {
			return
		}
		proposed += len(d.turns[i].Proposal.Tokens)
	}
	if wanted > 0 {
		d.asking.Observe(took.Seconds(), proposed)
	}
}

// reads says whether a turn tells of more than what was gathered and a step of generation.
func (d *drafts) reads(t *drafter.Turn) bool {
	return t.Features.Rows > gather+d.now.description.MaxDraft+1
}

// answered takes what a turn brought for a request, and its share of the time.
func (d *drafts) answered(x *draft, t *drafter.Turn, took time.Duration) {
	x.stats.Propose += took
	d.stats.Propose += took
	if t.Err != nil {
		d.lose(x, t.Err)
		return
	}
	x.proposal = t.Proposal
	if !x.began.IsZero() && !d.reads(t) { // what reading the prompt took is part of reading it
		d.charge(x, took.Seconds(), time.Now())
	}
}

// charge books what drafting cost a request beyond what it saved, in seconds: its share of what all wait
// for. A request that it costs too much goes on without.
func (d *drafts) charge(x *draft, cost float64, now time.Time) {
	if !x.on() {
		return
	}
	single := d.curve.Cost(d.together) / float64(d.together)
	d.account.book(cost, single)
	if x.owe(cost, single, d.account.credit(single), now.Sub(x.began)/time.Duration(d.together)) {
		return
	}
	d.unpaid++
	d.stats.Off = backend.DraftUnpaid
	if d.account.saved == 0 && 2*x.stats.Propose.Seconds() > x.debt {
		d.idle = min(max(2*d.idle, 1), mostIdle)
		d.idling = d.idle
	}
}

// idles switches drafting off for a request that begins while the drafter rests: asking it costs
// much, and did not pay for those before.
func (d *drafts) idles(x *draft) bool {
	if x.met || d.idling == 0 {
		x.met = true
		return false
	}
	d.idling--
	d.unpaid++
	x.stats.Off = backend.DraftUnpaid
	return true
}

// ended notes that a request has ended for which something was drafted.
func (d *drafts) ended(x *draft) {
	if d != nil && x.on() && x.stats.Accepted > 0 {
		d.idle = 0
	}
}

// decide chooses what of the proposals the step verifies that plan has without them.
func (d *drafts) decide(p *plan, batch, maxOutputs int) {
	if d == nil {
		return
	}
	d.proposals, d.proposers = d.proposals[:0], d.proposers[:0]
	sure := 0
	for _, q := range p.parts {
		if !q.r.generating() {
			continue
		}
		sure++
		if x := q.r.draft; x.on() && len(x.proposal.Tokens) > 0 {
			by := x.places
			if x.proposal.Confidence != nil {
				by = x.chances
			}
			d.proposals = append(d.proposals, speculate.Proposal{
				Chances: by.Append(nil, len(x.proposal.Tokens), x.proposal.Confidence),
			})
			d.proposers = append(d.proposers, q.r)
		}
	}
	if len(d.proposals) == 0 {
		return
	}
	most := min(batch-len(p.items), maxOutputs-p.outputs)
	d.sharing.Decide(&d.curve, len(p.items), sure, most, d.proposals)
	for i, r := range d.proposers {
		r.draft.take = d.proposals[i].Take
	}
	clear(d.proposers)
}

// withhold makes the next step do without drafts.
func (d *drafts) withhold(active []*request) {
	for _, r := range active {
		r.draft.drop()
	}
}

// verified books a verification for a request that lives on or not: of its drafted tokens accepted
// were accepted, in a step of n tokens that took a while.
func (d *drafts) verified(q part, accepted int, p *plan, took time.Duration, now time.Time) {
	x := q.r.draft
	x.verified(accepted)
	count(&d.stats, q.drafted, accepted)

	n := len(p.items)
	plain := n - p.drafted // what the step would have computed
	extra := took.Seconds() * (1 - d.curve.Cost(plain)/d.curve.Cost(n)) * float64(q.drafted) / float64(p.drafted)
	x.stats.Verify += time.Duration(extra * float64(time.Second))
	d.stats.Verify += time.Duration(extra * float64(time.Second))
	saved := d.curve.Cost(plain) / float64(max(1, p.generating)) * float64(accepted)
	d.charge(x, extra-saved, now)
}

// observe notes what a step took, if it computed nothing but what requests generate. As when
// measuring, a change of size belongs to the step with drafts.
func (d *drafts) observe(p *plan, took time.Duration) {
	if d == nil {
		return
	}
	n, last := len(p.items), d.lastSize
	d.lastSize = n
	switch {
	case p.outputs != n:
	case p.drafted > 0:
		d.curve.Observed(n, took+d.switching)
	case n == last:
		d.curve.Observed(n, took)
	}
}
