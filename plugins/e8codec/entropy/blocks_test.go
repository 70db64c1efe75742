package entropy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// laplacian is what would be learned of coordinates with that mean magnitude.
func laplacian(mean float64, shift int, half float64) Learned {
	l := Learned{Shift: shift, Half: half}
	mean /= float64(int(1) << shift)
	for u := 0; u < 2 || (u < MaxLearned && float64(u) < 14*mean); u++ {
		if shift == 0 {
			l.Ints = append(l.Ints, math.Exp(-float64(u)/mean))
		}
		l.Halves = append(l.Halves, math.Exp(-(float64(u)+0.5)/mean))
	}
	return l
}

func mustClass(t testing.TB, l Learned) *Class {
	t.Helper()
	c, err := NewClass(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// somePoint writes a point of E8 whose coordinates are about as wide as that, to lane b.
func somePoint(rng *rand.Rand, z *[lattice.Tile]int16, b int, mean, half float64) {
	coset := 0
	if rng.Float64() < half {
		coset = 1
	}
	sum := 0
	for j := range 8 {
		v := int(math.Floor(rng.ExpFloat64() * mean))
		if rng.IntN(2) == 0 {
			v = -v - coset
		}
		if j == 7 && (sum+v)&1 != 0 {
			v++
		}
		sum += v
		z[8*j+b] = int16(2*v + coset)
	}
}

type someBlocks struct {
	choices *Choices
	chosen  []int
	z       []int16
	tiles   []BlockTile
}

func makeBlocks(t testing.TB, rng *rand.Rand, n int) (s someBlocks) {
	t.Helper()
	var err error
	if s.choices, err = NewChoices([]float64{0.5, 0.3, 0.2}); err != nil {
		t.Fatal(err)
	}
	var classes []*Class
	means := []float64{0.1, 0.4, 1, 3, 9, 40}
	halves := []float64{0.01, 0.2, 0.4, 0.5, 0.5, 0.5}
	for i, mean := range means {
		classes = append(classes, mustClass(t, laplacian(mean, max(0, i-3), halves[i])))
	}
	for range n {
		k := rng.IntN(len(classes))
		tile, z := BlockTile{Class: classes[k], Blocks: 8}, [lattice.Tile]int16{}
		if rng.IntN(4) == 0 {
			tile.Blocks = 1 + rng.IntN(8)
		}
		for b := range tile.Blocks {
			somePoint(rng, &z, b, means[k], halves[k])
		}
		if rng.IntN(20) == 0 { // a stray
			z[8*rng.IntN(8)] += int16(4 * (100 + rng.IntN(3000)))
		}
		s.tiles, s.z = append(s.tiles, tile), append(s.z, z[:]...)
		s.chosen = append(s.chosen, rng.IntN(3))
	}
	return s
}

func (s *someBlocks) encode(enc *Encoder) []byte {
	for _, v := range s.chosen {
		enc.Choose(s.choices, v)
	}
	return enc.Blocks(nil, s.z, s.tiles)
}

// decode reads a stream.
func (s *someBlocks) decode(src []byte, dec *Decoder) (chosen []int, z []int16, err error) {
	r, err := NewBlockReader(src)
	if err != nil {
		return nil, nil, err
	}
	for range s.chosen {
		chosen = append(chosen, r.Choose(s.choices))
	}
	z = make([]int16, len(s.z))
	return chosen, z, r.Blocks(z, s.tiles, dec)
}

func TestBlocksComeBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 8))
	var enc Encoder
	var dec Decoder
	for _, n := range []int{0, 1, 2, 7, 63, 64, 65, 511, 513, 1000} {
		s := makeBlocks(t, rng, n)
		src := s.encode(&enc)
		chosen, z, err := s.decode(src, &dec)
		if err != nil {
			t.Fatalf("%d tiles: %v", n, err)
		}
		if !slices.Equal(chosen, s.chosen) {
			t.Fatalf("%d tiles: chosen %v, not %v", n, chosen, s.chosen)
		}
		if !slices.Equal(z, s.z) {
			t.Fatalf("%d tiles come back as others", n)
		}
		for cut := range min(len(src), 40) {
			if _, _, err := s.decode(src[:len(src)-1-cut], &dec); !errors.Is(err, fault.ErrCorrupt) {
				t.Fatalf("%d tiles, %d bytes cut off: %v", n, cut+1, err)
			}
		}
	}
}

// TestBlocksTakeWhatTheyMust compares a stream with the entropy of its source.
func TestBlocksTakeWhatTheyMust(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const mean, half, tiles = 0.7, 0.3, 4000
	l := laplacian(mean, 0, half)
	c := mustClass(t, l)
	prob := func(w []float64, mirrored bool, u int) float64 {
		all := 0.0
		for i, v := range w {
			all += 2 * v
			if i == 0 && !mirrored {
				all -= v
			}
		}
		return w[u] / all
	}
	rho := 0.0
	for u := range l.Ints {
		p := prob(l.Ints, false, u)
		if u > 0 {
			p *= 2
		}
		rho += p * float64(1-2*(u&1))
	}
	s := someBlocks{}
	var want float64
	for range tiles {
		z := [lattice.Tile]int16{}
		for b := range 8 {
			somePoint(rng, &z, b, mean, half)
			coset := z[b] & 1
			share := 1 - half
			if coset == 1 {
				share = half
			}
			want -= math.Log2(share)
			for j := range 8 {
				v := int(z[8*j+b] >> 1)
				if coset == 1 {
					want -= math.Log2(prob(l.Halves, true, max(v, -1-v)))
				} else {
					want -= math.Log2(prob(l.Ints, false, max(v, -v)))
				}
			}
			if coset == 1 {
				want--
			} else {
				want += math.Log2(0.5 * (1 + math.Pow(rho, 8)))
			}
		}
		s.tiles, s.z = append(s.tiles, BlockTile{Class: c, Blocks: 8}), append(s.z, z[:]...)
	}
	got := 8 * float64(len(s.encode(new(Encoder))))
	if got < 0.99*want || got > 1.01*want {
		t.Errorf("%.0f bits, %.0f are ideal", got, want)
	}
}

func TestLearnedIsChecked(t *testing.T) {
	good := laplacian(1, 0, 0.3)
	for name, spoil := range map[string]func(*Learned){
		"no integers":      func(l *Learned) { l.Ints = nil },
		"one half":         func(l *Learned) { l.Halves = l.Halves[:1] },
		"too many":         func(l *Learned) { l.Ints = make([]float64, MaxLearned+1) },
		"a weight of zero": func(l *Learned) { l.Halves = []float64{1, 0} },
		"not a number":     func(l *Learned) { l.Ints = []float64{1, math.NaN()} },
		"infinite":         func(l *Learned) { l.Ints = []float64{1, math.Inf(1)} },
		"a share past one": func(l *Learned) { l.Half = 1.5 },
		"no share":         func(l *Learned) { l.Half = math.NaN() },
		"a shift below":    func(l *Learned) { l.Shift = -1 },
		"a shift above":    func(l *Learned) { l.Shift = MaxShift + 1 },
	} {
		l := good
		spoil(&l)
		if _, err := NewClass(l); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NewChoices([]float64{1}); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("one choice: %v", err)
	}
}

// FuzzBlocks reads streams that were not written: they are refused or are points of the lattice.
func FuzzBlocks(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 9))
	s := makeBlocks(f, rng, 9)
	f.Add(s.encode(new(Encoder)))
	f.Add([]byte{})
	f.Add([]byte{4, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		chosen, z, err := s.decode(src, new(Decoder))
		if err != nil {
			if !errors.Is(err, fault.ErrCorrupt) {
				t.Fatalf("%v is not ErrCorrupt", err)
			}
			return
		}
		again := someBlocks{choices: s.choices, chosen: chosen, z: z, tiles: s.tiles}
		if _, back, err := again.decode(again.encode(new(Encoder)), new(Decoder)); err != nil || !slices.Equal(back, z) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}
