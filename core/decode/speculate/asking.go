package speculate

// Asking is what a round with a drafter takes, in seconds: Setup, and Token for each token that it
// proposes. It is followed as it changes; the first round counts as setup. The zero value knows nothing.
type Asking struct{ Setup, Token float64 }

// Observe takes in a round. What was misjudged is shared as the normalised least mean squares
// algorithm has it (Widrow and Hoff 1960), an eighth at a time.
func (a *Asking) Observe(seconds float64, proposed int) {
	if a.Setup == 0 {
		a.Setup = seconds
		return
	}
	n := float64(proposed)
	miss := (seconds - a.Setup - a.Token*n) / (8 * (1 + n*n))
	a.Setup, a.Token = max(0, a.Setup+miss), max(0, a.Token+miss*n)
}
