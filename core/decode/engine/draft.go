package engine

import (
	"time"

	"github.com/kakeyad/kakeyad/core/decode/speculate"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// draft is what is drafted for one request. A nil draft drafts nothing. The session is opened and
// closed by the caller; in between it is the loop's.
type draft struct {
	source  *source
	session drafter.Session
	limit   int     // of the request's tokens, prompt and answer
	sample  bool    // proposals are drawn
	warmth  float32 // temperature of the request
	seed    uint64

	chances *speculate.Chances // by what the drafter says of its tokens
	places  *speculate.Chances // by their places

	met      bool      // the loop has seen it
	began    time.Time // when it generated first
	told     int       // tokens of the request that the session knows
	rows     int       // positions below it had their features told, or never will
	accepted int       // of the open proposal: the session is told of them next
	proposal drafter.Proposal
	take     int // tokens of the proposal that the step verifies

	computed span             // positions that the last step computed, for their features
	untold   drafter.Features // that the session is told with the next question

	pause, resting int     // steps to do without a drafter that is not expected to pay
	debt           float64 // seconds that drafting has cost beyond what it saved
	stats          backend.DraftStats
}

// span is a range of positions, and where the first is among a step's items.
type span struct{ from, to, item int }

// offer is a token that was drawn, and from which distribution.
type offer struct {
	token backend.Token
	from  drafter.Distribution
}

// taken are the tokens that the step verifies.
func (d *draft) taken() []backend.Token {
	if d == nil {
		return nil
	}
	return d.proposal.Tokens[:d.take]
}

// offered is the k-th of them, if it was drawn.
func (d *draft) offered(k int) *offer {
	if d == nil || k >= d.take || d.proposal.Drawn == nil {
		return nil
	}
	return &offer{token: d.proposal.Tokens[k], from: d.proposal.Drawn[k]}
}

// on says whether anything is to be drafted.
func (d *draft) on() bool { return d != nil && d.stats.Off == "" }

// drop forgets the proposal.
func (d *draft) drop() {
	if d != nil {
		d.proposal, d.take = drafter.Proposal{}, 0
	}
}

// learn compares the proposal with what was drawn. The token behind those that were accepted tells
// of the proposal too, verified or not: so what is never taken is learned of as well.
func (d *draft) learn(drawn []backend.Token) {
	n := min(len(drawn), len(d.proposal.Tokens))
	if d.proposal.Drawn != nil {
		n = min(n, d.take) // equality says little of a token that was drawn
	}
	if n == 0 {
		return
	}
	right := commonPrefix(drawn, d.proposal.Tokens[:n])
	if d.proposal.Confidence != nil {
		d.chances.Learn(n, right, d.proposal.Confidence)
	}
	d.places.Learn(n, right, nil)
}

// verified counts a verification of take tokens.
func (d *draft) verified(accepted int) {
	count(&d.stats, d.take, accepted)
	d.accepted = accepted
}

// count adds a verification to statistics.
func count(s *backend.DraftStats, drafted, accepted int) {
	s.Verified++
	s.Drafted += drafted
	s.Accepted += accepted
	for i := range drafted {
		p := &s.Positions[min(i, len(s.Positions)-1)]
		p.Drafted++
		if i < accepted {
			p.Accepted++
		}
	}
}

const (
	// debtShare is which part of its share of the time that a request has generated drafting may
	// have cost it, beyond debtTokens tokens, before it is switched off.
	debtShare  = 0.01
	debtTokens = 2
	// creditTokens is how many more, if drafting has saved as much before; of what it saved
	// savedTokens are remembered.
	creditTokens = 4
	savedTokens  = 16
)

// account is what drafting has saved all requests of late, in seconds. The zero value has saved nothing.
type account struct{ saved float64 }

// book takes in what drafting cost beyond what it saved, where a token takes so long.
func (a *account) book(cost, single float64) {
	a.saved = min(max(a.saved-cost, 0), savedTokens*single)
}

// credit is what a request may lose because others have gained.
func (a *account) credit(single float64) float64 { return min(a.saved, creditTokens*single) }

// owe books what drafting cost beyond what it saved, in seconds, and switches it off when that is too
// much, beyond the credit too. All are the request's shares, of what a token takes and of the time that
// it has generated. False: it has just been switched off.
func (d *draft) owe(cost, single, credit float64, generated time.Duration) bool {
	d.debt += cost
	if d.debt > debtTokens*single+debtShare*generated.Seconds()+credit {
		d.stats.Off = backend.DraftUnpaid
		d.drop()
		return false
	}
	return true
}
