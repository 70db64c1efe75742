package executor_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// longText is so many tokens.
func longText(t testing.TB, path string, n int) []int32 {
	all := words(t, path)
	for len(all) < n {
		all = append(all, all...)
	}
	return all[:n]
}

// openParked opens an executor that parks.
func openParked(t testing.TB, path string, o executor.Options, p executor.ParkOptions) *executor.Executor {
	t.Helper()
	o.Batch, o.Cells = 512, 1024
	x := open(t, path, o)
	require.NoError(t, x.Park(t.Context(), p))
	return x
}

// carry packs the pages of a sequence and restores them in another executor.
func carry(t testing.TB, from, to *executor.Executor, seq engine.SeqID, tokens []int32) [][]byte {
	t.Helper()
	var packed [][]byte
	var cells []engine.Cells
	for end := backend.PageTokens; end <= len(tokens); end += backend.PageTokens {
		c, ok := from.CopyCells(seq, int32(end-backend.PageTokens))
		require.True(t, ok)
		data, err := from.Pack(t.Context(), tokens[:end], c)
		require.NoError(t, err)
		packed = append(packed, data)
		c, err = to.Unpack(t.Context(), tokens[:end], data)
		require.NoError(t, err)
		cells = append(cells, c)
	}
	require.NoError(t, to.RestoreCells(seq, 0, cells))
	return packed
}

// TestPagesAsTheCacheHasThem restores cells bit for bit, in all types of cache, and what is computed on
// them is bit for bit what it would have been.
func TestPagesAsTheCacheHasThem(t *testing.T) {
	for name, m := range tested(t) {
		for kvName, kvType := range map[string]binding.KVType{"f16": binding.KVF16, "q8_0": binding.KVQ8, "q4_0": binding.KVQ4} {
			t.Run(name+"/"+kvName, func(t *testing.T) {
				o := flash()
				o.K, o.V = kvType, kvType
				tokens := longText(t, m.path, 150)
				a, b := openParked(t, m.path, o, executor.ParkOptions{}), openParked(t, m.path, o, executor.ParkOptions{})
				require.NoError(t, a.Step(textItems(0, 0, tokens[:128])))
				// Other cells than in a: what was there before must not matter.
				require.NoError(t, b.Step(textItems(1, 0, tokens[20:90])))
				require.True(t, b.SeqRemove(1, 0, -1))
				carry(t, a, b, 0, tokens[:128])
				require.Equal(t, a.Rows(0, 0, 128), b.Rows(0, 0, 128))
				for i, items := range singles(0, 128, tokens[128:]) {
					require.NoError(t, a.Step(items))
					require.NoError(t, b.Step(items))
					require.Equal(t, slices.Clone(a.Logits(0)), b.Logits(0), "step %d", i)
				}
				require.Equal(t, a.PageFormat(), b.PageFormat())
			})
		}
	}
}

// TestPackedPages holds restored cells against an in-process round trip; sinks and layers outside the
// boundary come back bit for bit.
func TestPackedPages(t *testing.T) {
	for name, m := range tested(t) {
		t.Run(name, func(t *testing.T) {
			const boundary, sinks = 1, 2
			o := executor.ParkOptions{Codec: kv.InProcess(local(), boundary, q38), Shape: m.shape, Sinks: sinks}
			tokens := longText(t, m.path, 128)
			a, b := openParked(t, m.path, flash(), o), openParked(t, m.path, flash(), o)
			require.NoError(t, a.Step(textItems(0, 0, tokens)))
			packed := carry(t, a, b, 0, tokens)
			shape := m.shape
			shape.Type = codec.F16
			reference, err := local().Open(t.Context(), shape, q38)
			require.NoError(t, err)
			before, after := a.Rows(0, 0, 128), b.Rows(0, 0, 128)
			differ := 0
			for i, rows := range before {
				want := slices.Clone(rows.Data)
				size := len(want) / 128
				if rows.Layer >= boundary && rows.Layer < m.shape.Layers-boundary {
					for page, first := range []int{sinks, 64} {
						end := (page + 1) * 64
						require.NoError(t, reference.RoundTrip(t.Context(), codec.Vectors{
							Layer: rows.Layer, Part: codec.Key + codec.Part(i%2), Pos: first, Tokens: end - first, Data: want[first*size : end*size],
						}))
					}
				}
				require.Equal(t, want, after[i].Data, "layer %d", rows.Layer)
				if !slices.Equal(want, rows.Data) {
					differ++
				}
			}
			require.Equal(t, 2*(m.shape.Layers-2*boundary), differ)
			require.Less(t, 2*len(packed[1]), int(a.PageBytes()))

			// Packed again from the same cells it is the same; damaged, of other tokens or of another format it is refused.
			other := openParked(t, m.path, flash(), executor.ParkOptions{Codec: kv.InProcess(local(), boundary+1, q38), Shape: m.shape, Sinks: sinks})
			_, err = other.Unpack(t.Context(), tokens, packed[1])
			require.ErrorIs(t, err, base.ErrCorrupt)
			_, err = b.Unpack(t.Context(), tokens[:64], packed[1])
			require.ErrorIs(t, err, base.ErrCorrupt)
			packed[1][len(packed[1])/2] ^= 4
			_, err = b.Unpack(t.Context(), tokens, packed[1])
			require.ErrorIs(t, err, base.ErrCorrupt)
		})
	}
}
