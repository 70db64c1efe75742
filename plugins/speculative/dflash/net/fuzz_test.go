package net

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzOpen wants of any file a drafter or an error.
func FuzzOpen(f *testing.F) {
	whole, err := io.ReadAll(read(f, "drafter.gguf"))
	require.NoError(f, err)
	f.Add(whole)
	for _, n := range []int{0, 3, 8, 24, 100, 1000, len(whole) / 2, len(whole) - 1} {
		f.Add(whole[:n])
	}
	for _, at := range []int{4, 8, 16, 24, 32, 60, 200, 600} { // version, counts, lengths, types
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x81
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Open(bytes.NewReader(data))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		_, _ = New(file, openTarget(t))
	})
}
