package device

import (
	"os"
	"path/filepath"
)

// EnvPlugin is the environment variable with the path of a PJRT plugin.
const EnvPlugin = "KAKEYA_PJRT"

// Find returns the path of the PJRT plugin to use: what is asked for, or what KAKEYA_PJRT names, or what `make pjrt`
// put into the user's cache; "" when there is none. Nothing is downloaded.
func Find(asked string) string {
	if asked != "" {
		return asked
	}
	if path := os.Getenv(EnvPlugin); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	found, _ := filepath.Glob(filepath.Join(cache, "kakeyad", "pjrt", "*", "libpjrt_cpu.so")) // the pattern is good
	if len(found) == 0 {
		return ""
	}
	return found[0]
}
