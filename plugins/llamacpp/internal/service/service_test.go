package service_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// nearTie is how close two log-probabilities must be for a batch of another shape to turn their order round: none is close
// enough with our kernels. With ggml's a sum's last bit depends on the batch, and quantised weights round activations to
// 8 bits, so that it shows.
var nearTie = func() float64 {
	if kernels.Exact() {
		return 0
	}
	return 0.5
}()

// Tests compute on one thread: they must not depend on how many cores are free.
var oneThread = backend.LoadOptions{Threads: 1, Context: 1024}

func newService(t testing.TB) *service.Service {
	t.Helper()
	s := service.New("test", slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, s.Close(ctx))
	})
	return s
}

func load(t testing.TB, s *service.Service, path string, o backend.LoadOptions) backend.ModelInfo {
	t.Helper()
	info, err := s.LoadModel(context.Background(), backend.LoadRequest{ID: "m", Path: path, Options: o}, nil)
	require.NoError(t, err)
	return info
}

func TestConformance(t *testing.T) {
	connection, err := backendtest.Connect(newService(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	backendtest.Run(t, &backendtest.Env{
		Backend:      connection,
		Path:         testmodel.SmolLM2(t),
		Options:      oneThread,
		Patience:     5 * time.Minute,
		NearTie:      nearTie,
		LogprobError: nearTie,
	})
}
