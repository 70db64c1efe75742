package calibrated_test

import (
	"testing"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

// BenchmarkPage packs and reads pages of SmolLM2-135M's shape; vectors are normal, which makes more work for the entropy
// coder than a model's.
func BenchmarkPage(b *testing.B) {
	m := mustModel(b, calibratedtest.Some(1, 30, 3, 64, 2, 5))
	for _, how := range []calibrated.How{calibrated.Random, calibrated.Page} {
		c := mustCoder(b, m, 15, how, contract.F16)
		page := somePage(c.Shape(), 1, 0, 64)
		frame, err := c.Encode(b.Context(), nil, page...)
		if err != nil {
			b.Fatal(err)
		}
		perToken := func(b *testing.B) {
			b.ReportMetric(64*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		}
		b.Run("encode-"+how.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := c.Encode(b.Context(), frame[:0], page...); err != nil {
					b.Fatal(err)
				}
			}
			perToken(b)
		})
		back := blank(page)
		b.Run("decode-"+how.String(), func(b *testing.B) {
			for b.Loop() {
				if err := c.Decode(b.Context(), frame, back...); err != nil {
					b.Fatal(err)
				}
			}
			perToken(b)
		})
	}
}
