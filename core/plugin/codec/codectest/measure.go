package codectest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Measured is what a page came to: what a Description declares, as it is.
type Measured struct {
	Bits float64 // of the frame, over the elements
	Loss float64 // the squared errors over the squares
}

// measurePage packs a page of N(0,1), of a stream that was opened with the shape, and restores it.
func measurePage(ctx context.Context, s codec.Stream, shape codec.Shape) (Measured, error) {
	page := Page(shape, PageTokens, 1)
	frame, err := s.Encode(ctx, nil, page...)
	if err != nil {
		return Measured{}, fmt.Errorf("encode: %w", err)
	}
	back := blank(page)
	if err := s.Decode(ctx, frame, back...); err != nil {
		return Measured{}, fmt.Errorf("decode: %w", err)
	}
	elements := len(page) * PageTokens * shape.TokenElements()
	return Measured{Bits: 8 * float64(len(frame)) / float64(elements), Loss: loss(shape, page, back)}, nil
}

// MeasuredPage is what a codec declares of a page of N(0,1), and how it is.
type MeasuredPage struct {
	Shape    codec.Shape
	Declared codec.Description
	Measured Measured
}

// MeasurePages packs and restores a page for every head_dim and number format of env.
func MeasurePages(ctx context.Context, env *Env) (all []MeasuredPage, err error) {
	for _, shape := range env.pageShapes() {
		err := env.open(ctx, shape, func(s codec.Stream) error {
			m, err := measurePage(ctx, s, shape)
			all = append(all, MeasuredPage{Shape: shape, Declared: s.Describe(), Measured: m})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Speed is how fast a codec does one of the things that [Benchmark] measures.
type Speed struct {
	Name          string        // such as "page/encode"
	Call          time.Duration // mean
	P50, P99      time.Duration // of the calls; 0 where only the mean was taken
	BytesPerSec   float64       // of vectors
	VectorsPerSec float64       // of head_dim elements
}

// Speeds is [Benchmark] without a test, about a second for each of four.
func Speeds(ctx context.Context, env *Env) ([]Speed, error) {
	var out []Speed
	for _, c := range benchCases() {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		r := testing.Benchmark(func(b *testing.B) { c.run(b, env) })
		if r.N == 0 || r.T <= 0 {
			return out, errors.Join(fmt.Errorf("%s: it failed while its speed was measured", c.name), ctx.Err())
		}
		out = append(out, Speed{
			Name: c.name, Call: r.T / time.Duration(r.N),
			P50: time.Duration(r.Extra[p50]), P99: time.Duration(r.Extra[p99]),
			BytesPerSec:   float64(r.Bytes) * float64(r.N) / r.T.Seconds(),
			VectorsPerSec: r.Extra[perSecond],
		})
	}
	return out, nil
}
