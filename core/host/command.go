package host

import (
	"log/slog"
	"os"
	"os/exec"
)

// Command is a plugin's binary with arguments of its own, to be run once beside the host rather than served by it:
// with the environment and the checksum of a plugin. Errors: ErrPluginGone (it cannot be run), ErrChecksum.
func (s Spec) Command(args ...string) (*exec.Cmd, error) {
	if err := s.runnable(); err != nil {
		return nil, err
	}
	cmd := exec.Command(s.Path, args...)
	cmd.Env = environment(os.Environ(), s, pluginLevel(slog.Default()))
	return cmd, nil
}
