package config

import (
	"os"
	"path/filepath"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// DefaultListen is the address that the daemon serves when nothing else is said.
const DefaultListen = "127.0.0.1:8317"

// The values of sessions.scope.
const (
	ScopeShared = "shared"
	ScopeKey    = "key"
)

// Default is the lowest layer: a configuration without a file, variables or flags. The folders
// that depend on the machine are left out; see the comments of [Config].
func Default() Config {
	s := backend.DefaultSampling()
	return Config{
		Listen:           DefaultListen,
		ModelsDir:        "models",
		Discover:         "auto",
		ComposeOnRequest: true,
		Log:              Log{Level: "info", Format: "auto"},
		Server: Server{
			MaxBody:       32 << 20,
			ReadTimeout:   Duration(time.Minute),
			IdleTimeout:   Duration(2 * time.Minute),
			Queue:         64,
			QueueWait:     Duration(30 * time.Second),
			ShutdownGrace: Duration(10 * time.Second),
		},
		Pool:     Pool{IdleTTL: TTL(30 * time.Minute), UnloadTimeout: Duration(30 * time.Second)},
		Sessions: Sessions{RAM: 1 << 30, Disk: 16 << 30, TTL: Never, Scope: ScopeShared},
		Plugins: Plugins{
			StartTimeout: Duration(time.Minute),
			StopTimeout:  Duration(5 * time.Second),
			CallTimeout:  Duration(30 * time.Second),
			Health:       Health{Interval: Duration(5 * time.Second), Timeout: Duration(5 * time.Second)},
			Restart:      Restart{Min: Duration(200 * time.Millisecond), Max: Duration(30 * time.Second)},
		},
		Defaults: Defaults{Sampling: Sampling{
			Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP, TypicalP: s.TypicalP,
			RepeatPenalty: s.RepeatPenalty, FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty,
			PenaltyLastN: s.PenaltyLastN, Seed: s.Seed, IgnoreEOS: s.IgnoreEOS,
		}},
	}
}

// stateDir is the default data_dir.
func stateDir(getenv func(string) string, workDir string) string {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "kakeyad")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "kakeyad")
	}
	return filepath.Join(workDir, "data")
}

// binaryDir is the default plugins.dir.
func binaryDir(workDir string) string {
	if binary, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(binary); err == nil {
			binary = real
		}
		return filepath.Dir(binary)
	}
	return workDir
}
