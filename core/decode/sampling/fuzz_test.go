package sampling

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func FuzzSample(f *testing.F) {
	f.Add([]byte{1, 200, 3, 4, 0, 0, 9}, float32(0.8), 3, float32(0.9), float32(0.05), float32(0.7))
	f.Add([]byte{0, 0, 0, 255, 255}, float32(1e-40), 0, float32(0.999999), float32(1), float32(0))
	f.Fuzz(func(t *testing.T, data []byte, temperature float32, topK int, topP, minP, typicalP float32) {
		if len(data) == 0 || len(data) > 4096 {
			return
		}
		s, err := New(backend.Sampling{Temperature: temperature, TopK: topK, TopP: topP, MinP: minP, TypicalP: typicalP, Seed: 1}, len(data))
		if err != nil {
			require.ErrorIs(t, err, base.ErrInvalid)
			return
		}
		logits := make([]float32, len(data))
		possible := false
		for i, b := range data {
			logits[i] = (float32(b) - 128) * 0.3
			if b == 0 {
				logits[i] = negInf
			}
			possible = possible || b != 0
		}
		for range 3 {
			tok, err := s.Sample(logits, nil)
			if !possible {
				require.ErrorIs(t, err, ErrNoToken)
				return
			}
			require.NoError(t, err)
			if logits[tok] == negInf {
				t.Fatalf("drew the impossible token %d", tok)
			}
		}
	})
}
