package net

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const testdata = "../testdata"

// vectors are what torch computed: training/vectors.py.
type vectors struct {
	States  []float32 // [positions, taps, width]
	Context []float32 // [positions, width]: features
	Cases   []struct {
		Anchor    int
		Token     int32
		Guesses   []int32
		P, Second []float32 // of the guess and of the next likely token
		Hidden    []float32 // [guesses, width]: behind the last norm
	}
}

func load(t testing.TB) (*Net, vectors) {
	t.Helper()
	raw, err := os.Open(filepath.Join(testdata, "vectors.json.gz"))
	require.NoError(t, err)
	defer raw.Close()
	z, err := gzip.NewReader(raw)
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.NewDecoder(z).Decode(&v))
	n, err := New(openDrafter(t), openTarget(t))
	require.NoError(t, err)
	return n, v
}

func read(t testing.TB, name string) *bytes.Reader {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testdata, name))
	require.NoError(t, err)
	return bytes.NewReader(b)
}

func openDrafter(t testing.TB) *File {
	t.Helper()
	f, err := Open(read(t, "drafter.gguf"))
	require.NoError(t, err)
	return f
}

func openTarget(t testing.TB) *Target {
	t.Helper()
	target, err := OpenTarget(read(t, "target.gguf"))
	require.NoError(t, err)
	return target
}

// TestAgainstTorch allows for weights of 8 bits a row and activations of 8 bits a group of 32.
func TestAgainstTorch(t *testing.T) {
	n, v := load(t)
	row := len(n.Taps) * n.Width
	for _, c := range v.Cases {
		s, w := n.NewState(), &Workspace{}
		s.Append(w, 0, v.States[:c.Anchor*row])
		require.Equal(t, c.Anchor, s.Rows())
		tokens, p, err := s.Draft(w, c.Token, c.Anchor, len(c.Guesses), 1<<20)
		require.NoError(t, err)
		require.Equal(t, c.Anchor, s.Rows(), "the block's own rows are cropped")
		hidden := w.x[n.Width:][:len(c.Hidden)]
		require.Less(t, distance(c.Hidden, hidden), 0.05, "anchor %d", c.Anchor)
		for k, guess := range c.Guesses {
			if c.P[k]-c.Second[k] > 0.1 {
				require.Equal(t, guess, tokens[k], "anchor %d, position %d", c.Anchor, k+1)
				require.InDelta(t, c.P[k], p[k], 0.2)
			}
		}
	}
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

func TestPiecesDoNotMatter(t *testing.T) {
	n, v := load(t)
	row := len(n.Taps) * n.Width
	whole, pieces, w := n.NewState(), n.NewState(), &Workspace{}
	whole.Append(w, 0, v.States[:30*row])
	for at, size := 0, 1; at < 30; size += 2 {
		end := min(30, at+size)
		pieces.Append(w, at, v.States[at*row:end*row])
		_, _, err := pieces.Draft(w, 5, end, 3, 1<<20) // leaves nothing behind
		require.NoError(t, err)
		at = end
	}
	a, p, err := whole.Draft(w, 7, 30, 5, 1<<20)
	require.NoError(t, err)
	b, q, err := pieces.Draft(w, 7, 30, 5, 1<<20)
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, p, q)
}

// TestPositionsTell shows that a shift of the features by one position is not the same text.
func TestPositionsTell(t *testing.T) {
	n, v := load(t)
	row := len(n.Taps) * n.Width
	w := &Workspace{}
	right, shifted := n.NewState(), n.NewState()
	right.Append(w, 0, v.States[:16*row])
	shifted.Append(w, 0, v.States[row:17*row])
	_, p, err := right.Draft(w, 7, 16, 5, 1<<20)
	require.NoError(t, err)
	_, q, err := shifted.Draft(w, 7, 16, 5, 1<<20)
	require.NoError(t, err)
	require.NotEqual(t, p, q)
}

func TestWindow(t *testing.T) {
	n, v := load(t)
	row := len(n.Taps) * n.Width
	w := &Workspace{}
	all, late := n.NewState(), n.NewState()
	all.Append(w, 0, v.States[:40*row])
	late.Append(w, 16, v.States[16*row:40*row])
	_, p, err := all.Draft(w, 7, 40, 5, 24)
	require.NoError(t, err)
	_, q, err := late.Draft(w, 7, 40, 5, 1<<20)
	require.NoError(t, err)
	require.Equal(t, q, p, "a window of 24 attends the last 24 features")
}

func TestForeignTarget(t *testing.T) {
	f, target := openDrafter(t), openTarget(t)
	require.NoError(t, f.Fits(target))

	other := *target
	other.Layers++
	require.ErrorIs(t, f.Fits(&other), ErrTarget)

	other = *target
	rows := *target.Embedding
	rows.N--
	other.Embedding = &rows
	require.ErrorIs(t, f.Fits(&other), ErrTarget)

	other = *target
	shifted := *target.Embedding
	shifted.at -= int64(shifted.bytes) // every token has its neighbour's embedding
	other.Embedding = &shifted
	require.ErrorIs(t, f.Fits(&other), ErrTarget)
}

func TestDamage(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(testdata, "drafter.gguf"))
	require.NoError(t, err)
	for _, at := range []int{0, len(whole) / 2, len(whole) - 200} {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x10
		_, err := Open(bytes.NewReader(damaged))
		require.ErrorIs(t, err, ErrFormat, "byte %d", at)
	}
	for _, n := range []int{0, 3, 100, len(whole) / 2} {
		_, err := Open(bytes.NewReader(whole[:n]))
		require.ErrorIs(t, err, ErrFormat, "%d bytes", n)
	}
	_, err = Open(read(t, "target.gguf"))
	require.ErrorIs(t, err, ErrFormat)
	_, err = OpenTarget(read(t, "drafter.gguf"))
	require.ErrorIs(t, err, ErrTarget)
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float32{
		0: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 1: 0x1p-24, 0x8001: -0x1p-24, 0x3555: 0.333251953125, 0x7c00: float32(math.Inf(1)),
	} {
		require.Equal(t, want, half(h))
	}
}
