package fake_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	connection, err := backendtest.Connect(fake.New(fake.Config{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	}()
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, []byte("any file is a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	backendtest.Run(t, &backendtest.Env{
		Backend: connection,
		Path:    path,
		Slow:    map[string]string{"tokens_per_second": "500"},
	})
}
