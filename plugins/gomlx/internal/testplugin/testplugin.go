// Package testplugin finds the PJRT plugin that tests run with. A test that needs one fails without it.
package testplugin

import (
	"os"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// CPU is the path of the PJRT plugin for CPUs.
func CPU(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv(device.EnvPlugin)
	if path == "" {
		tb.Fatalf("no PJRT plugin: run `make pjrt`, and name the file in %s", device.EnvPlugin)
	}
	return path
}
