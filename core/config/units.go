package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// errUnit is what every unit that cannot be read is.
var errUnit = errors.New("not understood")

// Size is a number of bytes, written as 512, 64KiB, 1.5GiB or 2GB.
type Size int64

// Duration is a time span, written as 250ms, 30s, 1h30m or 7d. It is above 0.
type Duration time.Duration

// TTL is a Duration or "never". Its zero value is unsaid.
type TTL time.Duration

// Never is the TTL that does not end.
const Never TTL = -1

// Memory is a Size, a share of the machine's memory such as 50%, or "auto". The zero value is auto.
type Memory struct {
	Size    Size
	Percent float64
}

// Percent is a share, written as 10% or 0.5%. It is above 0% and below 100%; the zero value is unsaid.
type Percent float64

// LogitBias is what is added to the scores of tokens, by token id.
type LogitBias map[string]float32 // keys are whole numbers from 0

var sizes = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}, {"B", 1}, {"", 1},
}

// ParseSize reads a Size.
func ParseSize(text string) (Size, error) {
	s := strings.TrimSpace(text)
	for _, unit := range sizes {
		number, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		number = strings.TrimSpace(number)
		if !plainNumber(number) {
			break
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || n*unit.bytes >= math.MaxInt64 || n*unit.bytes != math.Trunc(n*unit.bytes) {
			break
		}
		return Size(n * unit.bytes), nil
	}
	return 0, fmt.Errorf("%w: %q is no size; write whole bytes, or a number with KiB, MiB, GiB, kB, MB or GB", errUnit, text)
}

// plainNumber accepts digits with at most one point between them, and nothing else that
// strconv would, such as signs, exponents and infinities.
func plainNumber(s string) bool {
	whole, fraction, point := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!point || digits(fraction))
}

// ParseDuration reads a Duration.
func ParseDuration(text string) (Duration, error) {
	s := strings.TrimSpace(text)
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok && plainNumber(days) {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		if err == nil && n < math.MaxInt64/float64(24*time.Hour) {
			d = time.Duration(n * float64(24*time.Hour))
		}
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%w: %q is no time span above 0; write a number with ms, s, m, h or d, such as 30s or 1h30m", errUnit, text)
	}
	return Duration(d), nil
}

// ParseTTL reads a TTL.
func ParseTTL(text string) (TTL, error) {
	if strings.TrimSpace(text) == "never" {
		return Never, nil
	}
	d, err := ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%w, or never", err)
	}
	return TTL(d), nil
}

// ParseMemory reads a Memory.
func ParseMemory(text string) (Memory, error) {
	s := strings.TrimSpace(text)
	if s == "auto" {
		return Memory{}, nil
	}
	if share, ok := strings.CutSuffix(s, "%"); ok {
		share = strings.TrimSpace(share)
		if n, err := strconv.ParseFloat(share, 64); err == nil && plainNumber(share) && n > 0 && n <= 100 {
			return Memory{Percent: n}, nil
		}
		return Memory{}, fmt.Errorf("%w: %q is no share; write more than 0%% and at most 100%%", errUnit, text)
	}
	n, err := ParseSize(s)
	if err != nil || n == 0 {
		return Memory{}, fmt.Errorf("%w: %q is no amount of memory; write a size such as 8GiB, a share such as 50%%, or auto", errUnit, text)
	}
	return Memory{Size: n}, nil
}

// ParsePercent reads a Percent.
func ParsePercent(text string) (Percent, error) {
	share, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	share = strings.TrimSpace(share)
	if n, err := strconv.ParseFloat(share, 64); ok && err == nil && plainNumber(share) && n > 0 && n < 100 {
		return Percent(n), nil
	}
	return 0, fmt.Errorf("%w: %q is no share; write more than 0%% and less than 100%%, such as 10%%", errUnit, text)
}

// Bytes returns the amount on a machine with so much memory; 0 is auto.
func (m Memory) Bytes(machine int64) int64 {
	if m.Percent > 0 {
		return int64(float64(machine) * m.Percent / 100)
	}
	return int64(m.Size)
}

// String prints the size with the largest binary unit that divides it.
func (s Size) String() string {
	for _, unit := range []struct {
		suffix string
		bytes  Size
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s >= unit.bytes && s%unit.bytes == 0 {
			return strconv.FormatInt(int64(s/unit.bytes), 10) + unit.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// String prints the time span without the parts that are 0.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// String prints the time span, or "never".
func (t TTL) String() string {
	if t < 0 {
		return "never"
	}
	return Duration(t).String()
}

// String prints what ParseMemory reads.
func (m Memory) String() string {
	switch {
	case m.Percent > 0:
		return strconv.FormatFloat(m.Percent, 'f', -1, 64) + "%"
	case m.Size > 0:
		return m.Size.String()
	}
	return "auto"
}

// String prints the share.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// MarshalText prints the share.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText prints the size.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText prints the time span.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalText prints the time span, or "never".
func (t TTL) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalText prints the amount.
func (m Memory) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
