package backend_test

import (
	"math"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestLevels(t *testing.T) {
	inf := float32(math.Inf(-1))
	room := make(backend.Levels, 0, 8)
	got := backend.NewLevels(room, []float32{3, 5, inf, 4.5, 5 - 31.9, 5 - 40})
	want := backend.Levels{2 * backend.LevelsPerNat, 0, math.MaxUint16, backend.LevelsPerNat / 2, 65331, math.MaxUint16}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if &got[0] != &room[:1][0] {
		t.Error("the room that was given is not used")
	}
}
