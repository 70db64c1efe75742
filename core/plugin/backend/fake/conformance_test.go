package fake_test

import (
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, &backendtest.Env{
		Backend: connect(t, fake.Config{}),
		Path:    modelFile(t),
		Slow:    map[string]string{"tokens_per_second": "500"},
	})
}

// connect serves a fake within this process.
func connect(t testing.TB, c fake.Config) *backendtest.Connection {
	t.Helper()
	connection, err := backendtest.Connect(fake.New(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	return connection
}
