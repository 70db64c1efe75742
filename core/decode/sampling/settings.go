package sampling

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const defaultLastN = 64

// settings are a backend.Sampling that was checked, with each way to say "off" made one.
type settings struct {
	temperature float64
	topK        int     // 0: off
	topP        float64 // 1: off
	minP        float64 // 0: off
	typicalP    float64 // 1: off

	repeat    float32 // 1: off
	frequency float32 // 0: off
	presence  float32 // 0: off
	lastN     int     // -1: all
	bias      []bias  // by token
}

type bias struct {
	token backend.Token
	value float32
}

func (s settings) penalises() bool { return s.repeat != 1 || s.frequency != 0 || s.presence != 0 }

func resolve(p backend.Sampling, vocabulary int) (settings, error) {
	type bounds struct {
		field    string
		value    float32
		from, to float32
	}
	const most = math.MaxFloat32
	for _, b := range []bounds{
		{"Temperature", p.Temperature, 0, most},
		{"TopP", p.TopP, 0, 1},
		{"MinP", p.MinP, 0, 1},
		{"TypicalP", p.TypicalP, 0, 1},
		{"RepeatPenalty", p.RepeatPenalty, 0, most},
		{"FrequencyPenalty", p.FrequencyPenalty, -most, most},
		{"PresencePenalty", p.PresencePenalty, -most, most},
	} {
		if !(b.value >= b.from && b.value <= b.to) {
			return settings{}, fmt.Errorf("%w: %s is %v, must be %s", base.ErrInvalid, b.field, b.value, rangeText(b.from, b.to))
		}
	}
	switch {
	case p.TopK < 0:
		return settings{}, fmt.Errorf("%w: TopK is %d, must be at least 0", base.ErrInvalid, p.TopK)
	case p.PenaltyLastN < -1:
		return settings{}, fmt.Errorf("%w: PenaltyLastN is %d, must be at least -1", base.ErrInvalid, p.PenaltyLastN)
	case vocabulary <= 0:
		return settings{}, fmt.Errorf("%w: a vocabulary of %d tokens", base.ErrInvalid, vocabulary)
	}

	s := settings{
		temperature: float64(p.Temperature),
		topK:        p.TopK,
		topP:        oneWhenZero(p.TopP),
		minP:        float64(p.MinP),
		typicalP:    oneWhenZero(p.TypicalP),
		repeat:      float32(oneWhenZero(p.RepeatPenalty)),
		frequency:   p.FrequencyPenalty,
		presence:    p.PresencePenalty,
		lastN:       p.PenaltyLastN,
	}
	if s.topK >= vocabulary {
		s.topK = 0
	}
	if s.lastN == 0 {
		s.lastN = defaultLastN
	}
	for token, value := range p.LogitBias {
		if token < 0 || int(token) >= vocabulary {
			return settings{}, fmt.Errorf("%w: LogitBias names token %d of a vocabulary of %d", base.ErrInvalid, token, vocabulary)
		}
		if !(value <= math.MaxFloat32) {
			return settings{}, fmt.Errorf("%w: LogitBias of token %d is %v, must be finite or -Inf", base.ErrInvalid, token, value)
		}
		s.bias = append(s.bias, bias{token, value})
	}
	slices.SortFunc(s.bias, func(a, b bias) int { return int(a.token) - int(b.token) })
	return s, nil
}

func rangeText(from, to float32) string {
	switch {
	case to < math.MaxFloat32:
		return fmt.Sprintf("from %v to %v", from, to)
	case from > -math.MaxFloat32:
		return fmt.Sprintf("finite and at least %v", from)
	default:
		return "finite"
	}
}

func oneWhenZero(v float32) float64 {
	if v == 0 {
		return 1
	}
	return float64(v)
}

// drawSeed returns a seed that is not 0 and has at most 53 bits, so that it survives a trip
// through JSON.
func drawSeed() (uint64, error) {
	for {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return 0, fmt.Errorf("drawing a seed: %w", err)
		}
		if seed := binary.LittleEndian.Uint64(b[:]) >> 11; seed != 0 {
			return seed, nil
		}
	}
}

// biased says whether a token has a logit bias.
func (s settings) biased(t backend.Token) bool {
	_, found := slices.BinarySearchFunc(s.bias, t, func(b bias, t backend.Token) int { return int(b.token) - int(t) })
	return found
}
