package executor_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8 "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// few are options that compile little.
var few = executor.Options{Cells: 512, Batch: 64, Sequences: 4, Sinks: 1, Tokens: []int{1, 64}, Blocks: []int{2}}

func packedBy(t testing.TB, c *kv.Codec) *net.Packed {
	t.Helper()
	s, err := c.Stream(context.Background(), codec.Shape{Layers: 30, KVHeads: 3, HeadDim: 64, Type: codec.F32})
	require.NoError(t, err)
	p, err := net.PackedAs(s.Describe().Affine)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return p
}

// TestResident holds a cache that stays packed against a live codec, in a cache that programs write and in the host's: the same
// logits but for rounding. Two layers are packed, not all: where a vector lies between two points rounding decides, and each
// layer behind gets other vectors to round, until after thirty of them two orders of adding are as far apart as the codec is
// from no codec.
func TestResident(t *testing.T) {
	path, plugin := testmodel.SmolLM2(t), testplugin.CPU(t)
	exact := model.Options{Weights: dtypes.Float32, Cache: dtypes.Float32}
	plain := openWith(t, plugin, path, exact, few)
	for _, q := range []string{"10", "38"} {
		e := kv.InProcess(e8.New(lattice.E8, "test"), 14, codec.Params{"q": q})
		live := openLive(t, plugin, path, exact, few, executor.LiveOptions{Codec: e, Sinks: few.Sinks})
		lost := distance(t, plain, live)
		resident := exact
		resident.Packed, resident.Packs, resident.Exact = packedBy(t, e), e.Packs(30), few.Exact()
		for _, written := range []bool{false, true} {
			t.Run(fmt.Sprintf("q%s, programs write %t", q, written), func(t *testing.T) {
				resident.Written = written
				x := openWith(t, plugin, path, resident, few)
				far := distance(t, live, x)
				t.Logf("resident and live are %.5f apart, and live and no codec %.5f", far, lost)
				require.Less(t, far, lost/4)
				testPages(t, x)
			})
		}
	}
}

// distance is the root mean square of what two executors' logits are apart, the worst of some tokens together and then one by one.
func distance(t *testing.T, a, b *executor.Executor) (far float64) {
	t.Helper()
	both(t, a, b, items(0, 40, true), &far)
	for at := 40; at < 50; at++ {
		both(t, a, b, items(at, 1, true), &far)
	}
	for _, x := range []*executor.Executor{a, b} {
		require.True(t, x.SeqRemove(0, 0, -1))
	}
	return far
}

func both(t *testing.T, a, b *executor.Executor, step []engine.Item, far *float64) {
	t.Helper()
	require.NoError(t, a.Step(step))
	require.NoError(t, b.Step(step))
	sum := 0.0
	want, got := a.Logits(0), b.Logits(0)
	for i := range want {
		d := float64(want[i] - got[i])
		sum += d * d
	}
	*far = max(*far, math.Sqrt(sum/float64(len(want))))
}

// testPages takes a page out of the cache and puts it back: the logits after it are the same to the bit.
func testPages(t *testing.T, x *executor.Executor) {
	t.Helper()
	require.NoError(t, x.Park(context.Background(), executor.ParkOptions{}))
	require.NoError(t, x.Step(items(0, backend.PageTokens, false)))
	last := items(backend.PageTokens, 1, true)
	require.NoError(t, x.Step(last))
	want := append([]float32{}, x.Logits(0)...)
	page, ok := x.CopyCells(0, 0)
	require.True(t, ok)
	require.True(t, x.SeqRemove(0, 0, -1))
	var tokens []backend.Token
	for _, it := range items(0, backend.PageTokens, false) {
		tokens = append(tokens, it.Token)
	}
	data, err := x.Pack(context.Background(), tokens, page)
	require.NoError(t, err)
	back, err := x.Unpack(context.Background(), tokens, data)
	require.NoError(t, err)
	require.NoError(t, x.Step([]engine.Item{{Token: 5, Seq: 2}}), "other cells than before")
	require.NoError(t, x.RestoreCells(1, 0, []engine.Cells{back}))
	last[0].Seq = 1
	require.NoError(t, x.Step(last))
	require.Equal(t, want, x.Logits(0))
}
