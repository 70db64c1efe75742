package fake_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// binary builds the plugin, once a test binary.
func binary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(binaries, "kakeya-backend-fake")
	buildOnce.Do(func() {
		out, err := exec.Command("go", "build", "-o", path, "./kakeya-backend-fake").CombinedOutput()
		if err != nil {
			buildErr = &buildError{string(out), err}
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return path
}

// command is the plugin's, with its configuration.
func command(t testing.TB, c fake.Config) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(t))
	cmd.Env = []string{fake.EnvConfig + "=" + string(text), base.EnvLogLevel + "=debug"}
	return cmd
}

// host makes go-plugin's end of a plugin, which the test's end kills.
func host(t testing.TB, cmd *exec.Cmd, log io.Writer) *plugin.Client {
	t.Helper()
	c := plugin.NewClient(hostConfig(cmd, log))
	t.Cleanup(c.Kill)
	return c
}

func hostConfig(cmd *exec.Cmd, log io.Writer) *plugin.ClientConfig {
	return &plugin.ClientConfig{
		HandshakeConfig:  base.Handshake,
		Plugins:          backend.Plugins(),
		Cmd:              cmd,
		SkipHostEnv:      true,
		AutoMTLS:         true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  base.DialOptions(),
		Logger:           hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug}),
	}
}

func modelFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, []byte("any file is a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
