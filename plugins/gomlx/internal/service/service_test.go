package service_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/service"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nearTie is how close two log-probabilities must be for a batch of another shape to turn their order round: programs of
// different shapes sum in different orders, and keys and values are rounded to 16 bits on their way into the cache only.
const nearTie = 0.05

func options(t testing.TB) backend.LoadOptions {
	return backend.LoadOptions{Context: 1024, Batch: 64, Extra: map[string]string{"pjrt": testplugin.CPU(t)}}
}

func newService(t testing.TB) *serving.Service {
	t.Helper()
	s := service.New("test", slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, s.Close(ctx))
	})
	return s
}

func TestConformance(t *testing.T) {
	connection, err := backendtest.Connect(newService(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	backendtest.Run(t, &backendtest.Env{
		Backend:      connection,
		Path:         testmodel.SmolLM2(t),
		Options:      options(t),
		Patience:     5 * time.Minute,
		NearTie:      nearTie,
		LogprobError: nearTie,
	})
}
