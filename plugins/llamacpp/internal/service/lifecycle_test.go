package service_test

import (
	"context"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLoadCancelled cancels in each stage of loading; the ID is free again after.
func TestLoadCancelled(t *testing.T) {
	s := newService(t)
	req := backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: oneThread}
	for _, stage := range []string{"weights", "vocabulary", "context", "warmup"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := s.LoadModel(ctx, req, func(p backend.LoadProgress) {
				if p.Stage == stage {
					cancel()
				}
			})
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	load(t, s, req.Path, req.Options)
}

// TestUnloadReturnsMemory loads and unloads until a load that leaves 6 MB behind, a sixteenth of a model, would show.
// What the allocator cannot use again for once, because something small lies in it, is of that size too, but does not add up.
func TestUnloadReturnsMemory(t *testing.T) {
	s := newService(t)
	cycle := func() (resident int64) {
		o := oneThread
		o.NoMmap = true // pages of a mapped file come and go as the system likes
		info := load(t, s, testmodel.SmolLM2(t), o)
		generate(t, s, greedy(story, 4))
		embed(t, s, true, story)
		health, err := s.Health(t.Context())
		require.NoError(t, err)
		require.Greater(t, health.RSS, info.Memory.Weights)
		require.NoError(t, s.UnloadModel(t.Context(), "m"))
		debug.FreeOSMemory() // garbage is not what a load leaves behind
		health, err = s.Health(t.Context())
		require.NoError(t, err)
		return health.RSS
	}
	cycle() // what is allocated once
	before := cycle()
	const loads = 16
	var after int64
	for range loads {
		after = cycle()
	}
	require.Less(t, after-before, int64(loads*6<<20), "bytes that %d loads left behind", loads)
}

// TestCancelPrefill cancels a prompt whose computation takes long and measures how soon it ends.
func TestCancelPrefill(t *testing.T) {
	s := newService(t)
	load(t, s, testmodel.SmolLM2(t), oneThread)
	long := greedy("", 1)
	for range 25 {
		long.Prompt.Text += story + " "
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	long.Model = "m"
	var cancelled time.Time
	err := s.Generate(ctx, long, func(e backend.Event) error {
		if e.Prompt != nil {
			cancelled = time.Now()
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	took := time.Since(cancelled)
	stats, err := s.Stats(t.Context(), "m")
	require.NoError(t, err)
	require.Zero(t, stats.StepTokens, "the step went on to its end")
	t.Logf("ended after %v", took)
}
