package speculate

// steps is how many classes of confidence are told apart.
const steps = 10

// Chances estimates how likely the next drafted token is to be accepted, given that all before it
// were. Tokens are put into classes, by the drafter's confidence or by their place in the proposal,
// and counted. What was seen lately counts more.
type Chances struct {
	parent  *Chances // what to expect where there is no experience; nil: see prior
	classes [maxClasses]tally
	forget  float64
}

const maxClasses = 64

// tally is a class: how many tokens reached verification, and how many of these were accepted.
type tally struct{ tried, accepted float64 }

const (
	// common and own are by how much counts shrink with each new one: experience of hundreds
	// of tokens for all requests together, of tens for one.
	commonForget = 0.997
	ownForget    = 0.97
	// trust is for how many tokens of experience the expectation counts.
	trust = 4
	// untried is what is expected of the first place in the proposal if it was never tried. Of the
	// others is expected what the one before does.
	untried = 0.6
)

// NewChances returns an estimate for all requests together.
func NewChances() *Chances { return &Chances{forget: commonForget} }

// Child returns one for a request, which begins with what all have learned and teaches them too.
func (c *Chances) Child() *Chances { return &Chances{parent: c, forget: ownForget} }

// class puts a token into its class: by confidence where there is one.
func class(position int, confidence []float32) int {
	if confidence != nil {
		return min(int(confidence[position]*steps), steps-1)
	}
	return min(position, maxClasses-1)
}

// prior is what a class is expected to do before anything was seen of it.
func (c *Chances) prior(class int, confident bool) float64 {
	switch {
	case c.parent != nil:
		return c.parent.of(class, confident)
	case confident:
		return (float64(class) + 0.5) / steps
	case class == 0:
		return untried
	}
	return c.of(class-1, confident)
}

func (c *Chances) of(class int, confident bool) float64 {
	t := c.classes[class]
	return (trust*c.prior(class, confident) + t.accepted) / (trust + t.tried)
}

// Append appends for each of n tokens the chance that it and all before it are accepted. Without
// confidences they are told by their places.
func (c *Chances) Append(to []float64, n int, confidence []float32) []float64 {
	p := 1.0
	for i := range n {
		p *= c.of(class(i, confidence), confidence != nil)
		to = append(to, p)
	}
	return to
}

// Learn notes that of n verified tokens the first accepted were accepted.
func (c *Chances) Learn(n, accepted int, confidence []float32) {
	for i := range min(n, accepted+1) {
		t := &c.classes[class(i, confidence)]
		t.tried = t.tried*c.forget + 1
		t.accepted *= c.forget
		if i < accepted {
			t.accepted++
		}
	}
	if c.parent != nil {
		c.parent.Learn(n, accepted, confidence)
	}
}
