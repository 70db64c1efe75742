package frame

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// BenchmarkFrame packs and reads back 1024 tokens of 4 heads on one core.
func BenchmarkFrame(b *testing.B) {
	for _, dim := range []int{64, 96, 128, 256} {
		for _, coding := range []Coding{Fixed, Pages} {
			o := Options{Params: lattice.Params{Variant: lattice.E8, Q: 38, Dim: dim}, Heads: 4, Coding: coding}
			c := mustNew(b, o)
			x := normals(1, 1024*4*dim)
			packed, err := c.Encode(nil, OfF32(x))
			if err != nil {
				b.Fatal(err)
			}
			out := OfF32(make([]float32, len(x)))
			run := func(what string, f func() error) {
				b.Run(fmt.Sprintf("%s/%v/d%d", what, coding, dim), func(b *testing.B) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
					b.SetBytes(int64(4 * len(x)))
					for b.Loop() {
						if err := f(); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(b.N)*1024*4/b.Elapsed().Seconds(), "vectors/s")
				})
			}
			run("encode", func() (err error) {
				packed, err = c.Encode(packed[:0], OfF32(x))
				return err
			})
			run("decode", func() error { return c.Decode(out, packed) })
			if coding == Fixed {
				y := normals(1, len(x))
				run("live", func() error { return c.Quantizer().RoundTrip(y) })
			}
		}
	}
}
