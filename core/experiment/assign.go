package experiment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Arm is one of the two channels.
type Arm int

// The arms: what there is, and what it is to be compared with.
const (
	A Arm = iota
	B
)

// String is "a" or "b".
func (a Arm) String() string { return "ab"[a : a+1] }

// Assign draws the arm of a key: B for the share split of all keys. The same experiment and key always
// have the same arm, on any machine, and a key that is B's stays so when the split grows.
func Assign(experiment, key string, split float64) Arm {
	if draw(experiment, key) < split {
		return B
	}
	return A
}

// draw is uniform from 0 up to, not including, 1.
func draw(experiment, key string) float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%s", len(experiment), experiment, key))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
