package demo

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
)

// Where vectors come from.
const (
	SourceNormal   = "normal"   // independent, normal
	SourceHeavy    = "heavy"    // independent, Student's t with 3 degrees of freedom
	SourceChannels = "channels" // normal, four elements ten times as large: what keys of some models look like
	SourceSmooth   = "smooth"   // neighbours are alike
	SourceDrawn    = "drawn"    // a curve that a person drew, each vector with a little noise
)

// MaxCount bounds the vectors of a request.
const MaxCount = 4096

// drawnNoise is the noise on a drawn curve, as a share of its root mean square.
const drawnNoise = 0.1

// Vectors makes count vectors of dim elements, the same for the same arguments. The first of SourceDrawn is the
// curve itself.
func Vectors(source string, count, dim int, seed uint64, drawn []float32) ([]float32, error) {
	if count < 1 || count > MaxCount {
		return nil, fmt.Errorf("%w: %d vectors are outside [1, %d]", fault.ErrInvalid, count, MaxCount)
	}
	r := rand.New(rand.NewPCG(seed, 0x6b616b657961))
	x := make([]float32, count*dim)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	switch source {
	case SourceNormal:
	case SourceHeavy:
		for i := range x {
			chi := 0.0
			for range 3 {
				g := r.NormFloat64()
				chi += g * g
			}
			x[i] /= float32(math.Sqrt(chi / 3))
		}
	case SourceChannels:
		loud := r.Perm(dim)[:4]
		for i := 0; i < len(x); i += dim {
			for _, c := range loud {
				x[i+c] *= 10
			}
		}
	case SourceSmooth:
		for i := 0; i < len(x); i += dim {
			for j := 1; j < dim; j++ {
				x[i+j] = float32(0.9*float64(x[i+j-1]) + math.Sqrt(1-0.9*0.9)*float64(x[i+j]))
			}
		}
	case SourceDrawn:
		if len(drawn) != dim {
			return nil, fmt.Errorf("%w: the curve has %d elements, %d are needed", fault.ErrInvalid, len(drawn), dim)
		}
		noise := float32(drawnNoise * math.Sqrt(energy(drawn)/float64(dim)))
		for i := range x {
			x[i] = drawn[i%dim] + noise*x[i]
		}
		copy(x, drawn)
	default:
		return nil, fmt.Errorf("%w: there is no source %q", fault.ErrInvalid, source)
	}
	return x, nil
}

// energy is the sum of the squares.
func energy(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// distance is the sum of the squares of the differences.
func distance(x, y []float32) float64 {
	sum := 0.0
	for i, v := range x {
		d := float64(v) - float64(y[i])
		sum += d * d
	}
	return sum
}

// snr is signal to noise in dB; maxSNR where there is no noise that counts.
func snr(x, y []float32) float64 {
	noise, signal := distance(x, y), energy(x)
	if noise <= signal*math.Pow(10, -maxSNR/10) {
		return maxSNR
	}
	if signal == 0 {
		return 0
	}
	return 10 * math.Log10(signal/noise)
}

// maxSNR is beyond what float32 holds, in dB.
const maxSNR = 150
