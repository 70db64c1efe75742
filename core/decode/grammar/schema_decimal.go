package grammar

import (
	"math/big"
	"strings"
)

// moreDigits is how many digits a fraction may have beyond those of the bounds.
const moreDigits = 15

// decimalsBetween returns expressions for the decimal numbers within bounds.
func decimalsBetween(low, high bound) []string {
	if low.value != nil && high.value != nil {
		if c := low.value.Cmp(high.value); c > 0 || c == 0 && (low.open || high.open) {
			return nil
		}
	}
	zero := bound{value: new(big.Rat)}
	var alternatives []string
	if low.value == nil || low.value.Sign() < 0 {
		nearest := zero // of what comes after the minus sign
		if high.value != nil && high.value.Sign() <= 0 {
			nearest = bound{new(big.Rat).Neg(high.value), high.open}
		}
		farthest := bound{open: low.open}
		if low.value != nil {
			farthest.value = new(big.Rat).Neg(low.value)
		}
		if a := decimals(nearest, farthest); len(a) > 0 {
			alternatives = append(alternatives, `"-" `+either(a))
		}
	}
	if high.value == nil || high.value.Sign() >= 0 {
		if low.value == nil || low.value.Sign() < 0 {
			low = zero
		}
		alternatives = append(alternatives, decimals(low, high)...)
	}
	return alternatives
}

// decimals returns expressions for the decimal numbers within bounds, 0 <= low.
func decimals(low, high bound) []string {
	if high.value != nil {
		if c := low.value.Cmp(high.value); c > 0 || c == 0 && (low.open || high.open) {
			return nil
		}
	}
	lowInt, lowFraction := split(low.value)
	f := fraction{low: lowFraction, lowOpen: low.open, digits: len(lowFraction) + moreDigits}
	free := ` ( "." [0-9]{1,15} )?`
	if high.value == nil {
		var alternatives []string
		f.tightLow = true
		if a, ok := f.first(); ok {
			alternatives = append(alternatives, join(quote(lowInt.String()), a))
		}
		return append(alternatives, either(naturals(new(big.Int).Add(lowInt, one), nil))+free)
	}
	highInt, highFraction := split(high.value)
	f.high, f.highOpen = highFraction, high.open
	f.digits = max(len(lowFraction), len(highFraction)) + moreDigits

	var alternatives []string
	add := func(whole *big.Int, tightLow, tightHigh bool) {
		g := f
		g.tightLow, g.tightHigh = tightLow, tightHigh
		if a, ok := g.first(); ok {
			alternatives = append(alternatives, join(quote(whole.String()), a))
		}
	}
	if lowInt.Cmp(highInt) == 0 {
		add(lowInt, true, true)
		return alternatives
	}
	add(lowInt, true, false)
	between := naturals(new(big.Int).Add(lowInt, one), new(big.Int).Sub(highInt, one))
	if len(between) > 0 {
		alternatives = append(alternatives, either(between)+free)
	}
	add(highInt, false, true)
	return alternatives
}

// split returns the whole part and the digits behind the point of r >= 0.
func split(r *big.Rat) (*big.Int, string) {
	text := r.FloatString(2 * maxDigits) // decimalOf lets no more digits through
	whole, digits, _ := strings.Cut(text, ".")
	n, _ := new(big.Int).SetString(whole, 10)
	return n, strings.TrimRight(digits, "0")
}

// fraction writes the fractions of which what was read so far equals that of a bound: of the low
// one if tightLow, of the high one if tightHigh. low and high are the digits that remain.
type fraction struct {
	low, high           string
	lowOpen, highOpen   bool
	tightLow, tightHigh bool
	digits              int // that may still come
}

// mayEnd says whether a number that ends here is within the bounds.
func (f fraction) mayEnd() bool {
	if f.tightLow && (f.low != "" || f.lowOpen) {
		return false
	}
	return !f.tightHigh || f.high != "" || !f.highOpen
}

// first returns an expression for the point and what follows it, or for nothing.
func (f fraction) first() (string, bool) {
	end := f.mayEnd()
	rest, more := f.rest(true)
	switch {
	case more && end:
		return `( "." ` + rest + " )?", true
	case more:
		return `"." ` + rest, true
	default:
		return "", end
	}
}

// rest returns an expression for the digits that may come; mustGoOn says that there must be one.
func (f fraction) rest(mustGoOn bool) (string, bool) {
	if f.tightLow && f.low == "" && !f.lowOpen {
		f.tightLow = false // whatever follows, it is at least the bound
	}
	if !f.tightLow && !f.tightHigh {
		least := 0
		if mustGoOn {
			least = 1
		}
		return "[0-9]" + repetition(least, f.digits, false), f.digits >= least
	}
	end := f.mayEnd() && !mustGoOn
	var alternatives []string
	if f.digits > 0 {
		from, to := byte('0'), byte('9')
		if f.tightLow {
			from = digitAt(f.low)
		}
		if f.tightHigh {
			to = digitAt(f.high)
		}
		// Digits that are tight to a bound, then those between, which are free.
		for d := from; d <= to; d++ {
			tightLow, tightHigh := f.tightLow && d == from, f.tightHigh && d == to
			if !tightLow && !tightHigh {
				last := to
				if f.tightHigh {
					last--
				}
				alternatives = append(alternatives, digits(d, last)+" [0-9]"+repetition(0, f.digits-1, false))
				d = last
				continue
			}
			next := fraction{dropDigit(f.low), dropDigit(f.high), f.lowOpen, f.highOpen, tightLow, tightHigh, f.digits - 1}
			if tightHigh && !tightLow && f.high == "" {
				continue // zeros behind the upper bound say nothing new
			}
			if a, ok := next.rest(false); ok {
				alternatives = append(alternatives, join(quote(string(d)), a))
			}
		}
	}
	switch {
	case len(alternatives) == 0:
		return "", end
	case end:
		return "( " + strings.Join(alternatives, " | ") + " )?", true
	default:
		return either(alternatives), true
	}
}

func digitAt(s string) byte {
	if s == "" {
		return '0'
	}
	return s[0]
}

func dropDigit(s string) string {
	if s == "" {
		return ""
	}
	return s[1:]
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }
