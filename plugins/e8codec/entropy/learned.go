package entropy

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Learned is a distribution of the coordinates of E8 that was found in data. It is symmetric.
type Learned struct {
	// Shift is how many low bits of ⌊x⌋ are stored as they are; the weights are those of ⌊x⌋ without them.
	Shift int
	// Ints are the weights of 0, 1, 2, ...; those of -1, -2, ... are the same. There are none with a Shift.
	Ints []float64
	// Halves are the weights of ½, 3/2, 5/2, ...; with a Shift those of 0, 1, 2, ..., and -1-u weighs as u does.
	Halves []float64
	// Half is the share of blocks of halves. With a Shift it is taken for ½.
	Half float64
}

// MaxLearned is the most weights of a side, and MaxShift the most low bits.
const (
	MaxLearned = -escape
	MaxShift   = 10
)

// Class codes blocks of eight coordinates with one distribution. It never changes and is safe for concurrent use.
type Class struct{ class class }

// Check says whether it is a distribution. Errors: ErrInvalid.
func (l Learned) Check() error {
	if l.Shift < 0 || l.Shift > MaxShift {
		return fmt.Errorf("%w: a shift of %d is not between 0 and %d", fault.ErrInvalid, l.Shift, MaxShift)
	}
	if l.Shift == 0 {
		if err := checkWeights("ints", l.Ints); err != nil {
			return err
		}
		if !(l.Half >= 0 && l.Half <= 1) {
			return fmt.Errorf("%w: a share of halves of %v", fault.ErrInvalid, l.Half)
		}
	}
	return checkWeights("halves", l.Halves)
}

// NewClass makes the tables of a distribution, some hundred kilobytes. They follow from it by the same operations of
// float64 on every machine. Errors: as Check.
func NewClass(l Learned) (*Class, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	half := 0
	if l.Shift == 0 {
		half = min(max(int(math.RoundToEven(float64(l.Half*probOne))), 1), probOne-1)
	}
	c := new(Class)
	c.class.build(lattice.E8, distribution{ints: l.Ints, halves: l.Halves}, l.Shift, half)
	return c, nil
}

// checkWeights wants at least two, so that either parity has one, and none so small that a table could lose it.
func checkWeights(name string, w []float64) error {
	if len(w) < 2 || len(w) > MaxLearned {
		return fmt.Errorf("%w: %d %s, not 2 to %d", fault.ErrInvalid, len(w), name, MaxLearned)
	}
	sum := 0.0
	for _, v := range w {
		if !(v > 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("%w: a weight of %s is %v", fault.ErrInvalid, name, v)
		}
		sum = float64(sum + v)
	}
	return nil
}

// Choices is a distribution of the numbers below how many it has.
type Choices struct {
	slots   *slots
	symbols *symbols
}

// NewChoices makes one of weights. Errors: as NewClass.
func NewChoices(weights []float64) (*Choices, error) {
	if err := checkWeights("choices", weights); err != nil {
		return nil, err
	}
	c := new(Choices)
	c.slots, c.symbols = newTable(0, append(append([]float64(nil), weights...), 0))
	return c, nil
}
