package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// near fails unless got is want within tolerance of the largest element.
func near(t *testing.T, want, got []float32, tolerance float32) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if d := want[i] - got[i]; !(d <= tolerance*largest(want) && -d <= tolerance*largest(want)) {
			t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func newMatrix(t testing.TB, rows, columns int, w []float32) *Matrix {
	m, err := NewMatrix(rows, columns, func(i int, dst []float32) { copy(dst, w[i*columns:]) })
	require.NoError(t, err)
	return m
}

func TestMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][2]int{{16, 32}, {48, 576}, {32, 2880}} {
		rows, columns := shape[0], shape[1]
		w := random(r, rows*columns)
		m := newMatrix(t, rows, columns, w)
		for n := 1; n <= 17; n++ {
			t.Run(fmt.Sprintf("%dx%d times %d", rows, columns, n), func(t *testing.T) {
				x := random(r, n*columns)
				if columns > Group {
					x[3] = 40 // costs its own group precision only
				}
				var v Vectors
				v.Quantise(x, n)
				got, generic, exact := make([]float32, n*rows), make([]float32, n*rows), make([]float32, n*rows)
				m.Multiply(got, &v)
				multiplyGeneric(m, generic, &v, 0, rows)
				for i := range n {
					for o := range rows {
						sum := 0.0
						for c := range columns {
							sum += float64(x[i*columns+c]) * float64(w[o*columns+c])
						}
						exact[i*rows+o] = float32(sum)
					}
				}
				near(t, generic, got, 1e-5)
				near(t, exact, got, 0.03)
				part := make([]float32, n*16)
				m.MultiplyRows(part, &v, rows-16, rows)
				for i := range n {
					require.Equal(t, got[(i+1)*rows-16:(i+1)*rows], part[i*16:(i+1)*16])
				}
			})
		}
	}
}

func TestResultsDoNotDependOnNeighbours(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	m := newMatrix(t, 32, 64, random(r, 32*64))
	x := random(r, 13*64)
	var all, one Vectors
	all.Quantise(x, 13)
	y, z := make([]float32, 13*32), make([]float32, 32)
	m.Multiply(y, &all)
	for i := range 13 {
		one.Quantise(x[i*64:(i+1)*64], 1)
		m.Multiply(z, &one)
		require.Equal(t, z, y[i*32:(i+1)*32])
	}
}

func TestMatrixOfOddShape(t *testing.T) {
	for _, shape := range [][2]int{{0, 32}, {15, 32}, {16, 0}, {16, 31}} {
		_, err := NewMatrix(shape[0], shape[1], nil)
		require.Error(t, err)
	}
}

func TestZeroesStayZero(t *testing.T) {
	m := newMatrix(t, 16, 32, make([]float32, 16*32))
	var v Vectors
	v.Quantise(make([]float32, 32), 1)
	y := []float32{15: 1}
	m.Multiply(y, &v)
	require.Equal(t, make([]float32, 16), y)
}

func TestAttend(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const heads, perHead, width = 3, 3, 64
	for _, rows := range []int{1, 15, 16, 17, 100} {
		for _, n := range []int{1, 2, 5, 8} {
			t.Run(fmt.Sprintf("%d positions, %d queries", rows, n), func(t *testing.T) {
				s := NewStore(heads, width)
				k, v := random(r, rows*heads*width), random(r, rows*heads*width)
				for i := range rows {
					s.Append(k[i*heads*width:(i+1)*heads*width], v[i*heads*width:(i+1)*heads*width])
				}
				q := random(r, n*heads*perHead*width)
				got, want := make([]float32, len(q)), make([]float32, len(q))
				s.Attend(got, q, n, perHead, 0, 0.125, &Scratch{})
				plainAttention(want, q, k, v, n, heads, perHead, width, rows)
				near(t, want, got, 1e-5)
			})
		}
	}
}

// plainAttention is the definition.
func plainAttention(o, q, k, v []float32, n, heads, perHead, width, rows int) {
	for i := range n {
		for h := range heads * perHead {
			at := (i*heads*perHead + h) * width
			p, sum := make([]float64, rows), 0.0
			for r := range rows {
				dot := 0.0
				for d := range width {
					dot += float64(q[at+d]) * float64(k[(r*heads+h/perHead)*width+d])
				}
				p[r] = math.Exp(dot / 8)
				sum += p[r]
			}
			for d := range width {
				out := 0.0
				for r := range rows {
					out += p[r] / sum * float64(v[(r*heads+h/perHead)*width+d])
				}
				o[at+d] = float32(out)
			}
		}
	}
}

func TestCropForgets(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	fresh, used := NewStore(1, 64), NewStore(1, 64)
	rows := make([][]float32, 40)
	for i := range rows {
		rows[i] = random(r, 64)
	}
	for i := range 20 {
		fresh.Append(rows[i], rows[i])
		used.Append(rows[i], rows[i])
	}
	for i := 20; i < 40; i++ {
		used.Append(rows[i], rows[i])
	}
	used.Crop(20)
	q := random(r, 64)
	a, b := make([]float32, 64), make([]float32, 64)
	fresh.Attend(a, q, 1, 1, 0, 0.125, &Scratch{})
	used.Attend(b, q, 1, 1, 0, 0.125, &Scratch{})
	require.Equal(t, a, b)
}

func TestFunctions(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	x := random(r, 64)
	for i := range x {
		x[i] *= 12
	}
	want := append([]float32(nil), x...)
	got := append([]float32(nil), x...)
	wantSum, gotSum := expGeneric(want, 3), Exp(got, 3)
	for i := range want {
		require.InEpsilon(t, want[i], got[i], 1e-6)
	}
	require.InEpsilon(t, wantSum, gotSum, 1e-5)

	u := random(r, 64)
	want, got = append([]float32(nil), x...), append([]float32(nil), x...)
	gateGeneric(want, u)
	Gate(got, u)
	near(t, want, got, 1e-6)

	extreme := []float32{-200, 200, -88, 88, 0, 1, -1, 1e-9, -1e-9, 50, -50, 20, -20, 2, -2, 3}
	Gate(extreme, append([]float32(nil), extreme...))
	for _, v := range extreme {
		require.False(t, math.IsNaN(float64(v)))
	}
}

func BenchmarkMultiply(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	m := newMatrix(b, 3072, 576, random(r, 3072*576))
	for _, n := range []int{1, 4, 8} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var v Vectors
			v.Quantise(random(r, n*576), n)
			y := make([]float32, n*3072)
			b.SetBytes(3072 * 576)
			for b.Loop() {
				m.Multiply(y, &v)
			}
			b.ReportMetric(float64(n*3072*576)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
