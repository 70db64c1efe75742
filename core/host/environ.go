package host

import (
	"maps"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// What a plugin gets of the daemon's environment: what a program needs to run at all, and what
// steers compute libraries. Never what configures the daemon, and no secrets.
var (
	allowedNames = []string{
		"PATH", "HOME", "USER", "TMPDIR", "TMP", "TEMP", "LANG", "TZ", "SYSTEMROOT",
		"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME",
	}
	allowedPrefixes = []string{"LC_", "OMP_", "GGML_", "CUDA_", "HIP_", "ROCR_", "VK_", "GOMAXPROCS", "GOMEMLIMIT"}
)

// environment makes that of a plugin. What the spec says wins.
func environment(daemon []string, spec Spec, level string) []string {
	env := map[string]string{base.EnvLogLevel: level}
	for _, entry := range daemon {
		name, value, ok := strings.Cut(entry, "=")
		if ok && allowed(strings.ToUpper(name)) {
			env[name] = value
		}
	}
	maps.Copy(env, spec.Env)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

func allowed(name string) bool {
	return slices.Contains(allowedNames, name) ||
		slices.ContainsFunc(allowedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
