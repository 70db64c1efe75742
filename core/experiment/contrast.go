package experiment

// Contrast gathers by how much the mean of arm B exceeds that of arm A, where each observation's arm
// was drawn by itself with a known probability. The zero value is empty.
type Contrast struct {
	Arms   [2]Mean `json:"arms"`
	Scores Mean    `json:"scores"`
}

// known is how many observations of each arm there have to be before scores are made: until then
// there are no means to make them with.
const known = 3

// Add takes in an observation x of an arm. p is the probability with which the arm was B.
//
// What is averaged are the scores of augmented inverse probability weighting (section 3 of the paper
// in the package's documentation): with the means a and b of the observations before this one,
//
//	b − a + (x − b)/p          for arm B
//	b − a − (x − a)/(1 − p)    for arm A
//
// The expectation of each is the difference of the arms at that time, whatever the means were.
func (c *Contrast) Add(arm Arm, x, p float64) {
	a, b := &c.Arms[A], &c.Arms[B]
	if a.N >= known && b.N >= known {
		score := b.Value - a.Value
		if arm == B {
			score += (x - b.Value) / p
		} else {
			score -= (x - a.Value) / (1 - p)
		}
		c.Scores.Add(score)
	}
	c.Arms[arm].Add(x)
}

// Interval returns the difference between the ends of its confidence sequence.
func (c *Contrast) Interval(alpha float64) Interval { return c.Scores.Interval(alpha) }

// ready says whether there is enough for an interval: of scores, and of each arm.
func (c *Contrast) ready() bool {
	return c.Scores.N >= enough && min(c.Arms[A].N, c.Arms[B].N) >= enoughOfArm
}

// enoughOfArm is how many observations the rarer arm needs.
const enoughOfArm = 40
