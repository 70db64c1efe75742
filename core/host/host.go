// Package host runs plugins: it finds their binaries, starts each when it is first asked for,
// watches over it, restarts it when it dies or hangs, and stops them all.
//
// # Processes
//
// A plugin is a child process that speaks gRPC with AutoMTLS over a unix socket in a folder that
// only this user can read. It gets a small environment (see environ.go): nothing of the daemon's
// configuration or secrets. It does not outlive the daemon: the kernel kills it where it can, and
// the plugin itself watches for its parent.
//
// # Supervision
//
// One goroutine owns each plugin's state, see supervisor.go; callers send it requests. A plugin
// that was asked for once is kept running until the host stops. After its death it is started
// again at once the first time, then with a delay that doubles up to a limit and is drawn with
// jitter; after it has run well for a while its deaths are counted anew. A plugin that is not what
// it should be (another kind, API version or checksum) is refused: it is only tried again when it
// is asked for after the longest delay.
package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Host runs plugins. Its methods are safe for concurrent use.
type Host struct {
	options Options
	log     *slog.Logger
	hurry   context.Context // ends when Stop must not wait any longer
	rush    context.CancelFunc
	quit    chan struct{} // closed by Stop

	mu      sync.Mutex
	started bool
	stopped bool
	sockets string // folder
	plugins []*supervisor
	running sync.WaitGroup // supervisors
}

// New returns a host that has done nothing yet.
func New(o Options) *Host {
	o.fill()
	h := &Host{options: o, log: o.Logger, quit: make(chan struct{})}
	h.hurry, h.rush = context.WithCancel(context.Background())
	return h
}

// longestSockets is how long the path of the folder of sockets may be. That of a socket has 104 bytes at least
// (sun_path), of which go-plugin's names take up to 38 and an end one.
const longestSockets = 104 - 38 - 1

// Start finds the plugins. None is started: that is for the first request. A host that was
// started must be stopped.
func (h *Host) Start(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started || h.stopped {
		return fmt.Errorf("start plugin host twice: %w", base.ErrExists)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	specs, err := discover(h.options.Dir, h.options.Plugins, h.log)
	if err != nil {
		return fmt.Errorf("find plugins: %w", err)
	}
	// Short names: the path of a unix socket has little over 100 bytes.
	if h.sockets, err = os.MkdirTemp(h.options.TempDir, "kky"); err != nil {
		return fmt.Errorf("make folder of plugin sockets: %w", err)
	}
	if runtime.GOOS != "windows" && len(h.sockets) > longestSockets {
		return errors.Join(fmt.Errorf("the path of the folder for temporary files, %s, is too long for sockets: set TMPDIR to a shorter one", filepath.Dir(h.sockets)),
			os.Remove(h.sockets))
	}
	h.started = true
	for _, spec := range specs {
		s := newSupervisor(h, spec, h.sockets)
		h.plugins = append(h.plugins, s)
		h.running.Go(s.run)
		h.log.Debug("plugin found", "plugin", spec.Name, "kind", spec.Kind, "path", spec.Path)
	}
	return nil
}

// Plugin returns the running process of a plugin, and starts it if there is none. It waits for a
// start that is under way, and for a restart that is due soon.
//
// Errors: ErrUnknown; *DownError, which is base.ErrPluginGone, for a plugin that cannot be started
// now; base.ErrUnsupported or ErrChecksum for one that was refused; ErrStopped; the context's
// cause.
func (h *Host) Plugin(ctx context.Context, kind base.Kind, name string) (*Instance, error) {
	s, err := h.find(kind, name)
	if err != nil {
		return nil, err
	}
	return s.get(ctx)
}

// Stop asks all plugins to end, kills those that have not after Options.StopTimeout, or at once
// when the context ends, and returns when all processes and goroutines are gone and the sockets
// are removed. Calls after the first wait too.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	if !h.stopped {
		h.stopped = true
		close(h.quit)
	}
	sockets := h.sockets
	h.mu.Unlock()

	undo := context.AfterFunc(ctx, h.rush)
	defer undo()
	h.running.Wait()
	h.rush()
	if sockets == "" {
		return nil
	}
	if err := os.RemoveAll(sockets); err != nil {
		return fmt.Errorf("remove plugin sockets: %w", err)
	}
	return nil
}

// Status tells of all plugins, by kind and name.
func (h *Host) Status() []Status {
	h.mu.Lock()
	plugins := slices.Clone(h.plugins)
	h.mu.Unlock()
	out := make([]Status, len(plugins))
	for i, s := range plugins {
		out[i] = s.status()
	}
	return out
}

func (h *Host) find(kind base.Kind, name string) (*supervisor, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var known []string
	for _, s := range h.plugins {
		if s.spec.Kind != kind {
			continue
		}
		if s.spec.Name == name {
			return s, nil
		}
		known = append(known, s.spec.Name)
	}
	have := "there is none"
	if len(known) > 0 {
		have = "there is " + strings.Join(known, ", ")
	}
	where := "the plugin folder " + h.options.Dir
	if h.options.Dir == "" {
		where = "a plugin folder"
	}
	return nil, fmt.Errorf("%s plugin %q: %w: %s; put %s into %s or list it under plugins",
		kind, name, ErrUnknown, have, binaryName(kind, name), where)
}

// Instance is one process of a plugin. It is of no use after Gone; ask the host for the next.
type Instance struct {
	Backend backend.Backend // of a backend plugin, else nil
	Codec   codec.Proxy     // of a codec plugin, else nil
	Drafter drafter.Proxy   // of a drafter plugin, else nil
	Linker  Linker          // of a plugin that backends are introduced to, else nil
	Info    base.Info
	PID     int

	plugin  base.Plugin // whichever of these it is
	process *process
	accused chan error // has room for one
}

// Linker introduces a backend to a plugin, so that a model can be bound to it.
type Linker interface {
	OpenLink(ctx context.Context) (link.Ticket, error)
}

// Condemn has the process killed for what it did, and started again as after a death: the reason is its
// Status.Error, and counted by whether it is base.ErrHung or base.ErrLied. It returns at once; only the
// first reason counts.
func (i *Instance) Condemn(reason error) {
	select {
	case i.accused <- reason:
	default:
	}
}

// Gone closes as soon as the process has exited.
func (i *Instance) Gone() <-chan struct{} { return i.process.exited }
