package weights_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

var kinds = []weights.Kind{
	weights.F32, weights.F16, weights.BF16, weights.Q4_0, weights.Q4_1, weights.Q5_0, weights.Q5_1,
	weights.Q8_0, weights.Q4_K, weights.Q5_K, weights.Q6_K,
}

// TestGoldens holds random blocks against what gguf-py makes of them, bit for bit; testdata/goldens.py wrote them.
func TestGoldens(t *testing.T) {
	text, err := os.ReadFile("testdata/goldens.json")
	require.NoError(t, err)
	var goldens map[string]struct{ Data, Values string }
	require.NoError(t, json.Unmarshal(text, &goldens))
	require.Len(t, goldens, len(kinds))
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			golden := goldens[kind.String()]
			data, err := base64.StdEncoding.DecodeString(golden.Data)
			require.NoError(t, err)
			raw, err := base64.StdEncoding.DecodeString(golden.Values)
			require.NoError(t, err)
			want := make([]float32, len(raw)/4)
			require.NoError(t, binary.Read(bytes.NewReader(raw), binary.LittleEndian, want))
			n, err := kind.Bytes(len(want))
			require.NoError(t, err)
			require.Len(t, data, n)
			got := make([]float32, len(want))
			require.NoError(t, kind.Dequantize(got, data))
			for i := range want {
				require.Equal(t, math.Float32bits(want[i]), math.Float32bits(got[i]), "number %d: want %g, got %g", i, want[i], got[i])
			}
			require.ErrorIs(t, kind.Dequantize(got, data[1:]), base.ErrInvalid)
		})
	}
}

func TestUnknownKind(t *testing.T) {
	_, err := weights.Kind(11).Bytes(256)
	require.ErrorIs(t, err, base.ErrUnsupported)
	_, err = weights.Q4_K.Bytes(128)
	require.ErrorIs(t, err, base.ErrInvalid)
}

// file writes a GGUF with a matrix of 2 rows of 32 numbers in Q8_0, of the given kind and so many columns.
func file(t testing.TB, kind uint32, columns uint64, data int) string {
	w := gguftest.Head(3, 1, 5)
	w.Put("general.architecture", gguftest.String, "llama", "llama.count", gguftest.Uint32, uint32(7))
	w.Put("llama.eps", gguftest.Float32, float32(0.5), "llama.on", gguftest.Bool, uint8(1))
	w.Put("tokenizer.words", gguftest.Array, gguftest.String, uint64(2), "a", "b")
	w.Put("matrix", uint32(2), columns, uint64(2), kind, uint64(0))
	b := append(w.Bytes(), make([]byte, (32-w.Len()%32)%32)...)
	for i := range data {
		b = append(b, byte(i))
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func TestFile(t *testing.T) {
	f, err := weights.Open(file(t, uint32(weights.Q8_0), 32, 68))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, 7, f.Integer("count", 1))
	require.Equal(t, 3, f.Integer("none", 3))
	require.InDelta(t, 0.5, f.Number("eps", 1), 0)
	require.True(t, f.Flag("on", false))
	require.True(t, f.Flag("off", true))
	require.Equal(t, []string{"a", "b"}, f.Texts("tokenizer.words"))
	require.EqualValues(t, 64, f.Parameters())

	m, err := f.Tensor("matrix")
	require.NoError(t, err)
	require.Equal(t, []int{2, 32}, []int{m.Rows, m.Columns})
	all, err := m.Floats()
	require.NoError(t, err)
	row := make([]float32, 32)
	require.NoError(t, m.Row(1, row))
	require.Equal(t, all[32:], row)
	require.InDelta(t, float64(all[33])/float64(all[32]), 37.0/36, 1e-6)
	require.ErrorIs(t, m.Row(2, row), base.ErrInvalid)
	_, err = f.Tensor("other")
	require.ErrorIs(t, err, weights.ErrNoTensor)
}

func TestBrokenTensors(t *testing.T) {
	for name, tc := range map[string]struct {
		kind    uint32
		columns uint64
		want    error
	}{
		"unknown kind": {11, 256, base.ErrUnsupported},
		"half a block": {8, 16, base.ErrInvalid},
		"cut short":    {0, 64, gguf.ErrTruncated},
		"enormous":     {0, 1 << 60, gguf.ErrDamaged},
		"empty":        {0, 0, gguf.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := weights.Open(file(t, tc.kind, tc.columns, 64))
			require.NoError(t, err)
			defer f.Close()
			_, err = f.Tensor("matrix")
			require.ErrorIs(t, err, tc.want)
		})
	}
}

// FuzzOpen opens damaged files and reads what they claim to have.
func FuzzOpen(f *testing.F) {
	whole, err := os.ReadFile(file(f, uint32(weights.Q4_1), 32, 40))
	require.NoError(f, err)
	f.Add(whole)
	f.Add(gguftest.Whole())
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "model.gguf")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		opened, err := weights.Open(path)
		if err != nil {
			return
		}
		defer opened.Close()
		for _, name := range []string{"matrix", "weight"} {
			if m, err := opened.Tensor(name); err == nil {
				_, err = m.Floats()
				require.NoError(t, err)
			}
		}
	})
}
