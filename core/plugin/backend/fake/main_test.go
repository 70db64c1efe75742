package fake_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

var (
	binaries  string // folder of what tests build
	buildOnce sync.Once
	buildErr  error
)

type buildError struct {
	output string
	err    error
}

func (e *buildError) Error() string { return fmt.Sprintf("%v\n%s", e.err, e.output) }
func (e *buildError) Unwrap() error { return e.err }

func TestMain(m *testing.M) {
	if path := os.Getenv(envHost); path != "" {
		beHost(path)
	}
	var err error
	if binaries, err = os.MkdirTemp("", "fake"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(binaries)
		os.Exit(code)
	}))
}
