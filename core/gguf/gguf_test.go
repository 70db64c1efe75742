package gguf

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
)

func read(data []byte) (Head, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func TestRead(t *testing.T) {
	h, err := read(gguftest.Whole())
	require.NoError(t, err)
	require.Equal(t, "llama", h.Architecture)
	require.Equal(t, uint64(1), h.Tensors)
	require.Equal(t, map[string]string{"general.architecture": "llama"}, h.Strings)
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty":            {nil, ErrNotGGUF},
		"another format":   {[]byte("PK\x03\x04 a zip"), ErrNotGGUF},
		"version 1":        {gguftest.Head(1, 0, 0).Bytes(), ErrVersion},
		"big endian":       {gguftest.Head(0x03000000, 0, 0).Bytes(), ErrVersion},
		"absurd counts":    {gguftest.Head(3, 1<<40, 0).Bytes(), ErrDamaged},
		"no architecture":  {gguftest.Head(3, 0, 0).Bytes(), ErrDamaged},
		"unknown type":     {gguftest.Head(3, 0, 1).Put("k", uint32(99)).Bytes(), ErrDamaged},
		"endless key":      {gguftest.Head(3, 0, 1).Put(uint64(1 << 40)).Bytes(), ErrDamaged},
		"endless list":     {gguftest.Head(3, 0, 1).Put("k", uint32(9), uint32(4), uint64(1<<40)).Bytes(), ErrTruncated},
		"endless word":     {gguftest.Head(3, 0, 1).Put("k", uint32(9), uint32(8), uint64(1), uint64(1<<63)).Bytes(), ErrTruncated},
		"five dimensions":  {gguftest.Head(3, 1, 0).Put("w", uint32(5)).Bytes(), ErrDamaged},
		"offset too large": {gguftest.Head(3, 1, 0).Put("w", uint32(0), uint32(0), uint64(1<<63)).Bytes(), ErrDamaged},
		"no weights":       {gguftest.Whole()[:len(gguftest.Whole())-80], ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.data)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestReadEveryTruncation(t *testing.T) {
	data := gguftest.Whole()
	for n := range len(data) - 96 {
		_, err := read(data[:n])
		if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrNotGGUF) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(path, gguftest.Whole(), 0o600))
	h, err := ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "llama", h.Architecture)
	require.Equal(t, map[string]int64{"a.number": 7}, h.Integers)

	_, err = ReadFile(t.TempDir())
	require.ErrorIs(t, err, ErrNotGGUF)
	_, err = ReadFile(filepath.Join(t.TempDir(), "none.gguf"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzRead(f *testing.F) {
	f.Add(gguftest.Whole())
	f.Add(gguftest.Head(2, 0, 1).Put("general.architecture", uint32(8), "x").Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := read(data)
		if err == nil && h.Architecture == "" {
			t.Fatal("a model without architecture was accepted")
		}
	})
}
