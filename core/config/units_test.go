package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/config"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]config.Size{
		"0": 0, "512": 512, " 512 B ": 512, "64KiB": 64 << 10, "1.5GiB": 3 << 29, "2GB": 2e9, "10kB": 1e4, "3M": 3 << 20, "8TiB": 8 << 40, "0.5K": 512,
	} {
		got, err := config.ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "GiB", "-1", "+1", "1e3", "0x10", "1.", ".5GiB", "1.5", "1_000", "10 GB s", "inf", "NaN", "9999999TiB", "1gib"} {
		_, err := config.ParseSize(text)
		require.Error(t, err, text)
	}
}

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "0.5d": 12 * time.Hour, " 1m ": time.Minute,
	} {
		got, err := config.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, config.Duration(want), got, text)
	}
	for _, text := range []string{"", "0", "0s", "-1s", "30", "d", "1d2h", "99999999d", "never", "-1d"} {
		_, err := config.ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestParseTTL(t *testing.T) {
	never, err := config.ParseTTL("never")
	require.NoError(t, err)
	require.Equal(t, config.Never, never)
	_, err = config.ParseTTL("always")
	require.ErrorContains(t, err, "never")
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]int64{"auto": 0, "50%": 500, "12.5 %": 125, "1KiB": 1024} {
		m, err := config.ParseMemory(text)
		require.NoError(t, err, text)
		require.Equal(t, want, m.Bytes(1000), text)
	}
	for _, text := range []string{"", "0", "0%", "101%", "-5%", "half", "%", "1e1%"} {
		_, err := config.ParseMemory(text)
		require.Error(t, err, text)
	}
}

// What a unit prints is read back as the same.
func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"1.5GiB", "30s", "1h0m30s", "7d", "never", "50%", "auto", "1024", "0", "1h30m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip(t, text, config.ParseSize, config.Size.String)
		roundTrip(t, text, config.ParseDuration, config.Duration.String)
		roundTrip(t, text, config.ParseTTL, config.TTL.String)
		roundTrip(t, text, config.ParseMemory, config.Memory.String)
	})
}

func roundTrip[T comparable](t *testing.T, text string, parse func(string) (T, error), print func(T) string) {
	v, err := parse(text)
	if err != nil {
		return
	}
	if again, err := parse(print(v)); err != nil || again != v {
		t.Fatalf("%q is %v, which prints as %q, which is %v (%v)", text, v, print(v), again, err)
	}
}
