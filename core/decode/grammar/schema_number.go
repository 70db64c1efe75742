package grammar

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// maxDigits bounds the digits of a number in a schema.
const maxDigits = 60

// decimalOf reads a number of a schema.
func decimalOf(keyword string, v any, pointer string) (*big.Rat, error) {
	n, ok := v.(json.Number)
	if !ok {
		return nil, schemaErrorf(pointer, "%q must be a number", keyword)
	}
	text := strings.ToLower(n.String())
	mantissa, exponent, _ := strings.Cut(text, "e")
	e, err := strconv.Atoi(exponent)
	if exponent != "" && err != nil || e < -maxDigits || e > maxDigits || len(mantissa) > maxDigits {
		return nil, schemaErrorf(pointer, "%q is %s, which has too many digits", keyword, n)
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, schemaErrorf(pointer, "%q must be a number", keyword)
	}
	return value, nil
}

// bound is one end of a range of numbers.
type bound struct {
	value *big.Rat // nil: none
	open  bool     // the value itself is outside
}

// visitNumber is integers and numbers.
func (c *converter) visitNumber(integer bool, s *object, pointer, name string) (string, error) {
	low, err := boundOf(s, "minimum", "exclusiveMinimum", +1, pointer)
	if err != nil {
		return "", err
	}
	high, err := boundOf(s, "maximum", "exclusiveMaximum", -1, pointer)
	if err != nil {
		return "", err
	}
	if s.has("format") {
		switch format, _ := s.values["format"].(string); format {
		case "int32", "int64", "float", "double":
		default:
			if _, known := formatRules[format]; !known {
				return "", schemaErrorf(pointer, "%q %q is not supported", "format", format)
			}
		}
	}
	var alternatives []string
	switch {
	case low.value == nil && high.value == nil:
		if integer {
			return c.common("integer"), nil
		}
		return c.common("number"), nil
	case integer:
		alternatives = integersBetween(low, high)
	default:
		alternatives = decimalsBetween(low, high)
	}
	if len(alternatives) == 0 {
		return "", neverf(pointer, "no number is within the bounds")
	}
	return c.define(name, either(alternatives)), nil
}

// boundOf reads the closer of two bounds; sign is +1 for lower and -1 for upper ones.
func boundOf(s *object, inclusive, exclusive string, sign int, pointer string) (bound, error) {
	var b bound
	for _, k := range []string{inclusive, exclusive} {
		if !s.has(k) {
			continue
		}
		v, err := decimalOf(k, s.values[k], pointer)
		if err != nil {
			return bound{}, err
		}
		// With equal values the exclusive one, which comes second, is the closer.
		if b.value == nil || v.Cmp(b.value)*sign >= 0 {
			b = bound{v, k == exclusive}
		}
	}
	return b, nil
}

// integersBetween returns expressions for the integers within bounds.
func integersBetween(low, high bound) []string {
	var from, to *big.Int
	if low.value != nil {
		from = ceil(low.value)
		if low.open && low.value.IsInt() {
			from.Add(from, one)
		}
	}
	if high.value != nil {
		to = ceil(new(big.Rat).Neg(high.value))
		to.Neg(to)
		if high.open && high.value.IsInt() {
			to.Sub(to, one)
		}
	}
	var alternatives []string
	if from == nil || from.Sign() < 0 {
		least, most := big.NewInt(1), (*big.Int)(nil)
		if to != nil && to.Sign() < 0 {
			least = new(big.Int).Neg(to)
		}
		if from != nil {
			most = new(big.Int).Neg(from)
		}
		if a := naturals(least, most); len(a) > 0 {
			alternatives = append(alternatives, `"-" `+either(a))
		}
	}
	if to == nil || to.Sign() >= 0 {
		least := new(big.Int)
		if from != nil && from.Sign() > 0 {
			least = from
		}
		alternatives = append(alternatives, naturals(least, to)...)
	}
	return alternatives
}

var one = big.NewInt(1)

func ceil(r *big.Rat) *big.Int {
	// Euclidean division rounds down, as the denominator is positive.
	q, m := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	if m.Sign() > 0 {
		q.Add(q, one)
	}
	return q
}

// naturals returns expressions for the integers from least to most, 0 <= least; most may be nil.
func naturals(least, most *big.Int) []string {
	low := least.String()
	if most == nil {
		digits := max(18, len(low)+1)
		most, _ = new(big.Int).SetString(strings.Repeat("9", digits), 10)
	}
	if least.Cmp(most) > 0 {
		return nil
	}
	high := most.String()
	var alternatives []string
	// Numbers of all lengths from freeFrom to freeTo, in one expression.
	freeFrom, freeTo := 0, 0
	for n := len(low); n <= len(high); n++ {
		from, to := "1"+strings.Repeat("0", n-1), strings.Repeat("9", n)
		if n == len(low) {
			from = low
		}
		if n == len(high) {
			to = high
		}
		if n > 1 && from[0] == '1' && strings.Trim(from[1:], "0") == "" && strings.Trim(to, "9") == "" {
			if freeFrom == 0 {
				freeFrom = n
			}
			freeTo = n
			continue
		}
		alternatives = append(alternatives, sameLength(from, to))
	}
	if freeFrom > 0 {
		alternatives = append(alternatives, "[1-9] [0-9]"+repetition(freeFrom-1, freeTo-1, false))
	}
	return alternatives
}

// sameLength returns an expression for the digit strings from a to b, which are of one length.
func sameLength(a, b string) string {
	if a == b {
		return quote(a)
	}
	shared := 0
	for a[shared] == b[shared] {
		shared++
	}
	var out []string
	if shared > 0 {
		out = append(out, quote(a[:shared]))
	}
	restA, restB := a[shared+1:], b[shared+1:]
	from, to := a[shared], b[shared]
	var alternatives []string
	if strings.Trim(restA, "0") != "" {
		alternatives = append(alternatives, quote(string(from))+" "+sameLength(restA, strings.Repeat("9", len(restA))))
		from++
	}
	var last string
	if strings.Trim(restB, "9") != "" {
		last = quote(string(to)) + " " + sameLength(strings.Repeat("0", len(restB)), restB)
		to--
	}
	if from <= to {
		alternatives = append(alternatives, digits(from, to)+anyDigits(len(restA)))
	}
	if last != "" {
		alternatives = append(alternatives, last)
	}
	return strings.Join(append(out, either(alternatives)), " ")
}

func digits(from, to byte) string {
	if from == to {
		return quote(string(from))
	}
	return "[" + string(from) + "-" + string(to) + "]"
}

func anyDigits(n int) string {
	if n == 0 {
		return ""
	}
	return " [0-9]{" + itoa(n) + "}"
}
