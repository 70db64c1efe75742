package executor_test

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// states are what torch computes of SmolLM2, by plugins/speculative/dflash/training/states.py.
type states struct {
	Tokens    []int32
	Positions []int
	Layers    int
	States    []byte // bfloat16 [layers, positions, width]
}

func (s states) at(layer, position, width int) []float32 {
	row := s.States[2*(layer*len(s.Positions)+position)*width:]
	out := make([]float32, width)
	for i := range out {
		out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(row[2*i:])) << 16)
	}
	return out
}

func readStates(t *testing.T) (s states) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "states.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(z).Decode(&s))
	return s
}

// distance is |a-b| / |a|.
func distance(a, b []float32) float64 {
	var d, n float64
	for i := range a {
		d += float64(a[i]-b[i]) * float64(a[i]-b[i])
		n += float64(a[i]) * float64(a[i])
	}
	return math.Sqrt(d / n)
}

func hidden() executor.Options {
	o := small()
	o.Hidden = true
	return o
}

// TestFeatures wants of every tapped layer and position the state that torch has there, and not
// that of a layer beside it.
func TestFeatures(t *testing.T) {
	const width = 576
	s := readStates(t)
	layers := []int{1, 8, 14, 20, 27}
	x := open(t, testmodel.SmolLM2(t), hidden())
	require.NoError(t, x.Warm(1))
	require.NoError(t, x.Tap(layers))
	rows := make([][]float32, len(s.Tokens))
	for begin, size, step := 0, 30, int32(0); begin < len(s.Tokens); size, step = 3, step+1 { // a prompt, then a few tokens a step
		end := min(len(s.Tokens), begin+size)
		// A step in between that keeps none.
		x.Keep(false)
		require.NoError(t, x.Step([]engine.Item{{Token: 7, Pos: step, Seq: 2, Output: true}}))
		x.Keep(true)
		// Another sequence's token comes first: features are of items, not of positions.
		items := []engine.Item{{Token: 5, Pos: step, Seq: 1, Output: true}}
		for pos := begin; pos < end; pos++ {
			items = append(items, engine.Item{Token: s.Tokens[pos], Pos: int32(pos), Output: pos == end-1})
		}
		require.NoError(t, x.Step(items))
		for pos := begin; pos < end; pos++ {
			rows[pos] = append([]float32(nil), x.Features(1+pos-begin)...)
		}
		begin = end
	}
	for p, pos := range s.Positions {
		for k, layer := range layers {
			got := rows[pos][k*width:][:width]
			right := distance(s.at(layer, p, width), got)
			require.Less(t, right, 0.12, "layer %d, position %d", layer, pos)
			for _, other := range []int{layer - 1, layer + 1} {
				require.Less(t, right, distance(s.at(other, p, width), got), "layer %d, position %d, beside %d", layer, pos, other)
			}
		}
	}
}

func TestTapRefuses(t *testing.T) {
	x := open(t, testmodel.SmolLM2(t), hidden())
	for _, layer := range []int{-1, 29, 30} {
		require.ErrorIs(t, x.Tap([]int{layer}), base.ErrUnsupported)
	}
	require.ErrorIs(t, open(t, testmodel.SmolLM2(t), small()).Tap([]int{1}), base.ErrUnsupported)
}

// TestLogitsWithTaps: looking at a step does not change it.
func TestLogitsWithTaps(t *testing.T) {
	s := readStates(t)
	var items []engine.Item
	for pos, token := range s.Tokens {
		items = append(items, engine.Item{Token: token, Pos: int32(pos), Output: pos == len(s.Tokens)-1})
	}
	plain, tapped := open(t, testmodel.SmolLM2(t), small()), open(t, testmodel.SmolLM2(t), hidden())
	require.NoError(t, tapped.Tap([]int{1, 8, 14, 20, 27}))
	require.NoError(t, plain.Step(items))
	require.NoError(t, tapped.Step(items))
	require.Equal(t, plain.Logits(0), tapped.Logits(0))
}
