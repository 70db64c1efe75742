package device

import (
	"os"
	"path/filepath"
	"slices"
)

// EnvPlugin is the environment variable with the path of a PJRT plugin.
const EnvPlugin = "KAKEYA_PJRT"

// cpuPlugin is what XLA's plugin for CPUs is called.
const cpuPlugin = "libpjrt_cpu.so"

// Find returns the path of the PJRT plugin to use: what is asked for, or what KAKEYA_PJRT names, or a libpjrt_cpu.so that
// lies beside this binary, or the newest that `make pjrt` put into the user's cache; "" when there is none. Nothing is
// downloaded.
func Find(asked string) string {
	if asked != "" {
		return asked
	}
	if path := os.Getenv(EnvPlugin); path != "" {
		return path
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), cpuPlugin)
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	found, _ := filepath.Glob(filepath.Join(cache, "kakeyad", "pjrt", "*", cpuPlugin)) // the pattern is good
	if len(found) == 0 {
		return ""
	}
	return slices.Max(found)
}
