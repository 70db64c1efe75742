package calibrated

import (
	"fmt"
	"math"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Q is the name of a rate: its bits an element of a page, in tenths.
func (r Rate) Q() int { return int(math.Round(10 * float64(r.Page))) }

// rate finds a rate by its name. Errors: ErrInvalid that says which there are.
func (c *Calibration) rate(q int) (int, error) {
	var there []string
	for i, r := range c.Rates {
		if r.Q() == q {
			return i, nil
		}
		there = append(there, fmt.Sprint(r.Q()))
	}
	return 0, fmt.Errorf("q: %w: %d is not calibrated, there are %s", base.ErrInvalid, q, strings.Join(there, ", "))
}
