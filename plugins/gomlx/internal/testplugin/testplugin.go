// Package testmodel finds what tests run with. A test that needs something fails without it.
package testmodel

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// SmolLM2 is the path of SmolLM2-135M-Instruct.
func SmolLM2(tb testing.TB) string { return find(tb, "SmolLM2-135M-Instruct.Q4_1.gguf") }

// Gemma3 is the path of Gemma-3-270M.
func Gemma3(tb testing.TB) string { return find(tb, "gemma-3-270m-q4_k_m.gguf") }

func find(tb testing.TB, name string) string {
	tb.Helper()
	path, err := filepath.Abs(filepath.Join(os.Getenv("KAKEYA_MODELS"), name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		tb.Fatalf("%v: run `make models`, and name the folder in KAKEYA_MODELS", err)
	}
	return path
}

// Plugin is the path of the PJRT plugin for CPUs.
func Plugin(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv(device.EnvPlugin)
	if path == "" {
		tb.Fatalf("no PJRT plugin: run `make pjrt`, and name the file in %s", device.EnvPlugin)
	}
	return path
}
