package fake_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

var build struct {
	once   sync.Once
	dir    string
	output []byte
	err    error
}

// binary builds the plugin, once a test binary.
func binary(t testing.TB) string {
	t.Helper()
	path := filepath.Join(build.dir, "kakeya-codec-fake")
	build.once.Do(func() {
		build.output, build.err = exec.Command("go", "build", "-o", path, "./kakeya-codec-fake").CombinedOutput()
	})
	if build.err != nil {
		t.Fatalf("%v\n%s", build.err, build.output)
	}
	return path
}

// plugged is the fake in a process of its own.
type plugged struct {
	codec.Proxy
	cmd    *exec.Cmd
	client *plugin.Client
	dir    string // of its sockets
}

func start(t testing.TB, c fake.Config) *plugged {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	p := &plugged{cmd: exec.Command(binary(t)), dir: t.TempDir()}
	p.cmd.Env = []string{fake.EnvConfig + "=" + string(text), plugin.EnvUnixSocketDir + "=" + p.dir}
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
	t.Cleanup(p.client.Kill)
	if p.Proxy, _, err = codec.Dispense(t.Context(), p.client); err != nil {
		t.Fatal(err)
	}
	return p
}

// dial is what a backend does with what the host gives it.
func (p *plugged) dial(t testing.TB, o link.Options) *codec.Linked {
	t.Helper()
	ticket, err := p.OpenLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := codec.Dial(t.Context(), ticket, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, l.Close) })
	return l
}

func TestProcess(t *testing.T) {
	p := start(t, fake.Config{})
	for _, l := range []codec.Codec{p, p.dial(t, link.Options{}), p.dial(t, link.Options{Bell: link.BellSocket})} {
		codectest.Run(t, &codectest.Env{Codec: l, Params: codec.Params{"mode": fake.ModeInt8}, HeadDims: []int{64}})
	}
	sockets, err := filepath.Glob(filepath.Join(p.dir, "link*", "s"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	info, err := os.Stat(filepath.Dir(sockets[0]))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder of the socket: %v, %v", info, err)
	}
	p.client.Kill()
	left, err := os.ReadDir(p.dir)
	if err != nil || len(left) != 0 {
		t.Errorf("a plugin that was asked to end leaves %v, %v", left, err)
	}
}

// TestProcessKilled kills a plugin that is at nothing.
func TestProcessKilled(t *testing.T) {
	p := start(t, fake.Config{})
	l := p.dial(t, link.Options{})
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-l.Gone()
	if _, err := l.Open(t.Context(), codectest.BenchmarkShape, nil); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("open after the end: %v", err)
	}
}

// TestProcessDies kills the plugin in the middle of calls through both wires.
func TestProcessDies(t *testing.T) {
	for _, die := range []string{"exit", "kill"} {
		t.Run(die, func(t *testing.T) {
			p := start(t, fake.Config{Die: die, After: 40})
			l := p.dial(t, link.Options{})
			shape := codectest.BenchmarkShape
			var streams []codec.Stream
			for _, c := range []codec.Codec{p, l, l, l} {
				s, err := c.Open(t.Context(), shape, nil)
				if err != nil {
					t.Fatal(err)
				}
				streams = append(streams, s)
			}
			var callers sync.WaitGroup
			for _, s := range streams {
				callers.Go(func() {
					v := codectest.Page(shape, 1, 1)
					var err error
					for err == nil {
						err = s.RoundTrip(t.Context(), v...)
					}
					if !errors.Is(err, base.ErrPluginGone) {
						t.Errorf("got %v", err)
					}
					if err := s.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
			}
			callers.Wait()
			<-l.Gone()
		})
	}
}

// TestProcessDeaf kills a plugin that does not let go of a call, and says how soon that is known.
func TestProcessDeaf(t *testing.T) {
	p := start(t, fake.Config{Hang: "deaf"})
	l := p.dial(t, link.Options{})
	s, err := l.Open(t.Context(), codectest.BenchmarkShape, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.RoundTrip(t.Context(), codectest.Page(codectest.BenchmarkShape, 1, 1)...) }()
	began := time.Now()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("got %v", err)
	}
	t.Logf("known after %v", time.Since(began))
}
