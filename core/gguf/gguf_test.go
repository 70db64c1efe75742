package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// writer builds a file in memory.
type writer struct{ bytes.Buffer }

func (w *writer) put(values ...any) *writer {
	for _, v := range values {
		if s, ok := v.(string); ok {
			w.put(uint64(len(s)))
			w.WriteString(s)
			continue
		}
		if err := binary.Write(&w.Buffer, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return w
}

func head(version uint32, tensors, pairs uint64) *writer {
	w := &writer{}
	w.WriteString("GGUF")
	return w.put(version, tensors, pairs)
}

// whole is a small file with a value of every kind and one tensor of 64 bytes.
func whole() []byte {
	w := head(3, 1, 5)
	w.put("general.architecture", uint32(8), "llama")
	w.put("a.number", uint32(4), uint32(7))
	w.put("a.flag", uint32(7), uint8(1))
	w.put("words", uint32(9), uint32(8), uint64(2), "one", "two")
	w.put("scores", uint32(9), uint32(6), uint64(3), [3]float32{1, 2, 3})
	w.put("weight", uint32(2), uint64(4), uint64(4), uint32(0), uint64(32))
	return append(w.Bytes(), make([]byte, 96)...)
}

func read(data []byte) (Head, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func TestRead(t *testing.T) {
	h, err := read(whole())
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
		"version 1":        {head(1, 0, 0).Bytes(), ErrVersion},
		"big endian":       {head(0x03000000, 0, 0).Bytes(), ErrVersion},
		"absurd counts":    {head(3, 1<<40, 0).Bytes(), ErrDamaged},
		"no architecture":  {head(3, 0, 0).Bytes(), ErrDamaged},
		"unknown type":     {head(3, 0, 1).put("k", uint32(99)).Bytes(), ErrDamaged},
		"endless key":      {head(3, 0, 1).put(uint64(1 << 40)).Bytes(), ErrDamaged},
		"endless list":     {head(3, 0, 1).put("k", uint32(9), uint32(4), uint64(1<<40)).Bytes(), ErrTruncated},
		"endless word":     {head(3, 0, 1).put("k", uint32(9), uint32(8), uint64(1), uint64(1<<63)).Bytes(), ErrTruncated},
		"five dimensions":  {head(3, 1, 0).put("w", uint32(5)).Bytes(), ErrDamaged},
		"offset too large": {head(3, 1, 0).put("w", uint32(0), uint32(0), uint64(1<<63)).Bytes(), ErrDamaged},
		"no weights":       {whole()[:len(whole())-80], ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.data)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestReadEveryTruncation(t *testing.T) {
	data := whole()
	for n := range len(data) - 96 {
		_, err := read(data[:n])
		if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrNotGGUF) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(path, whole(), 0o600))
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
	f.Add(whole())
	f.Add(head(2, 0, 1).put("general.architecture", uint32(8), "x").Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := read(data)
		if err == nil && h.Architecture == "" {
			t.Fatal("a model without architecture was accepted")
		}
	})
}
