// Package testcodec starts codec plugins for tests, as the host does.
package testcodec

import (
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Packages of the codecs.
const (
	E8   = "github.com/kakeyad/kakeyad/plugins/e8codec/kakeya-codec-e8"
	Fake = "github.com/kakeyad/kakeyad/core/plugin/codec/fake/kakeya-codec-fake" // packs nothing: an identity
)

// Plugin is a codec in a process of its own. It ends with the test.
type Plugin struct {
	codec.Proxy
	client *plugin.Client
	cmd    *exec.Cmd
	name   string
}

var builds sync.Map // of packages: func() (path string, err error)

// binary builds a package, once a test binary.
func binary(pkg string) (string, error) {
	once, _ := builds.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "testcodec")
		if err != nil {
			return "", err
		}
		file := filepath.Join(dir, path.Base(pkg))
		build := exec.Command("go", "build", "-o", file, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", &exec.Error{Name: string(out), Err: err}
		}
		return file, nil
	}))
	return once.(func() (string, error))()
}

// Start builds and starts a codec.
func Start(tb testing.TB, pkg string) *Plugin {
	tb.Helper()
	file, err := binary(pkg)
	require.NoError(tb, err)
	p := &Plugin{cmd: exec.Command(file), name: path.Base(pkg)}
	p.cmd.Env = []string{plugin.EnvUnixSocketDir + "=" + tb.TempDir()}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  base.Handshake,
		Plugins:          codec.Plugins(),
		Cmd:              p.cmd,
		SkipHostEnv:      true,
		AutoMTLS:         true,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  base.DialOptions(),
		Logger:           hclog.New(&hclog.LoggerOptions{Output: io.Discard}),
	})
	tb.Cleanup(p.client.Kill)
	p.Proxy, _, err = codec.Dispense(tb.Context(), p.client)
	require.NoError(tb, err)
	return p
}

// Link introduces a backend.
func (p *Plugin) Link(tb testing.TB, params map[string]string) *backend.Link {
	tb.Helper()
	t, err := p.OpenLink(tb.Context())
	require.NoError(tb, err)
	return &backend.Link{Plugin: p.name, Address: t.Address, Secret: t.Secret, Params: params}
}

// Kill ends the process as a crash does.
func (p *Plugin) Kill(tb testing.TB) {
	tb.Helper()
	p.Signal(tb, os.Kill)
}

// Signal sends the process a signal.
func (p *Plugin) Signal(tb testing.TB, s os.Signal) {
	tb.Helper()
	require.NoError(tb, p.cmd.Process.Signal(s))
}
