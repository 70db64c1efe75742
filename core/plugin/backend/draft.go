package backend

import "time"

// DraftStats counts drafted tokens, of one request or of all.
type DraftStats struct {
	Drafted  int // tokens verified
	Accepted int // of these, how many the model drew too
	Verified int // how often a proposal was verified; each time Accepted tokens and one more were committed

	// Positions are the same by place in the proposal: the first token, the second, ... The last
	// counts all from there on.
	Positions [DraftPositions]DraftPosition

	Verify  time.Duration // by how much drafted tokens prolonged steps, by what steps cost by size
	Propose time.Duration // waiting for the drafter

	// Off says why drafting ended before the request did; of all requests, why it ended last.
	Off DraftOff

	// Fault says what the drafter did, if Off is DraftFailed and it cannot be relied on any more: it
	// is for people, and for the host, which stops the drafter.
	Fault string
	Hung  bool // Fault is that it did not answer
}

// DraftPositions is the most places that are told apart.
const DraftPositions = 16

// DraftPosition is one place in proposals.
type DraftPosition struct {
	Drafted  int // verified, those before it accepted or not
	Accepted int
}

// DraftOff is why drafting ended.
type DraftOff string

// Why drafting ended.
const (
	DraftUnpaid DraftOff = "does not pay"   // asking and verifying cost more time than accepted tokens saved, here or for requests before
	DraftFailed DraftOff = "drafter failed" // it died, hung or broke its contract
)

// Committed is the mean number of tokens that a verification commits: those accepted and the model's
// own. 0: there was none.
func (s DraftStats) Committed() float64 {
	if s.Verified == 0 {
		return 0
	}
	return float64(s.Accepted+s.Verified) / float64(s.Verified)
}

// Add adds up the counts of t.
func (s *DraftStats) Add(t DraftStats) {
	s.Drafted += t.Drafted
	s.Accepted += t.Accepted
	s.Verified += t.Verified
	for i, p := range t.Positions {
		s.Positions[i].Drafted += p.Drafted
		s.Positions[i].Accepted += p.Accepted
	}
	s.Verify += t.Verify
	s.Propose += t.Propose
	if t.Off != "" {
		s.Off, s.Fault, s.Hung = t.Off, t.Fault, t.Hung
	}
}
