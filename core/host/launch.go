package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// killAfter is how long after the start's time is over a process is killed that not even keeps
// to that: connecting has no deadline of its own.
const killAfter = time.Second

// launch is one attempt at a plugin's process, from its start to its end.
type launch struct {
	spec    Spec
	options *Options
	log     *slog.Logger
	client  *plugin.Client
	process *process
	stderr  *tail
}

// newLaunch prepares a process whose sockets will be in the folder.
func newLaunch(spec Spec, o *Options, log *slog.Logger, sockets string) *launch {
	l := &launch{spec: spec, options: o, log: log, stderr: &tail{}}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = environment(os.Environ(), spec, pluginLevel(log))
	l.process = newProcess(cmd)
	l.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: base.Handshake,
		Plugins:         pluginSet(spec.Kind),
		RunnerFunc: func(_ hclog.Logger, described *exec.Cmd, _ string) (runner.Runner, error) {
			cmd.Env = append(cmd.Env, described.Env...)
			return l.process, nil
		},
		StartTimeout:     o.StartTimeout,
		Stderr:           l.stderr,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           newHostLog(log),
		AutoMTLS:         true,
		SkipHostEnv:      true,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: sockets},
		GRPCDialOptions:  base.DialOptions(),
	})
	return l
}

// start starts the process and makes sure that it is what it should be. It may be called once.
// Killing the process ends it early. After an error there is nothing left but to clean.
func (l *launch) start() (*Instance, error) {
	kind, ok := contracts[l.spec.Kind]
	if !ok {
		return nil, fmt.Errorf("plugin %q: %w: the host cannot run plugins of kind %q yet", l.spec.Name, base.ErrUnsupported, l.spec.Kind)
	}
	if err := l.spec.runnable(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.options.StartTimeout)
	defer cancel()
	overdue := time.AfterFunc(l.options.StartTimeout+killAfter, l.process.kill)
	defer overdue.Stop()
	began := time.Now()
	i := &Instance{process: l.process, accused: make(chan error, 1)}
	var err error
	i.plugin, err = kind.dispense(ctx, l.client, i)
	if err != nil && time.Since(began) >= l.options.StartTimeout {
		err = fmt.Errorf("%w: no answer in %v: %w", base.ErrHung, l.options.StartTimeout, err)
	}
	if err != nil {
		return nil, l.explain(err, i.Info)
	}
	i.PID = l.pid()
	return i, nil
}

// runnable refuses a binary that cannot be run, or is not the one pinned.
func (s Spec) runnable() error {
	if why := unusable(s.Path); why != "" {
		return fmt.Errorf("plugin %q: %w: %s: %s", s.Name, base.ErrPluginGone, s.Path, why)
	}
	if s.SHA256 == "" {
		return nil
	}
	sum, err := hex.DecodeString(s.SHA256)
	if err != nil {
		return fmt.Errorf("plugin %q: %w: sha256: %w", s.Name, base.ErrInvalid, err)
	}
	same, err := (&plugin.SecureConfig{Checksum: sum, Hash: sha256.New()}).Check(s.Path)
	if err != nil {
		return fmt.Errorf("plugin %q: %w: %w", s.Name, base.ErrPluginGone, err)
	}
	if !same {
		return fmt.Errorf("plugin %q (%s): %w: the file is not the one with sha256 %s: install that one or correct the configuration",
			s.Name, s.Path, ErrChecksum, s.SHA256)
	}
	return nil
}

// explain says what was found, what was wanted and what to do.
func (l *launch) explain(err error, info base.Info) error {
	version := info.APIVersion
	if version == 0 && l.process.stdout != nil {
		version, _ = l.process.stdout.apiVersion()
	}
	switch {
	case version != 0 && version != base.APIVersion:
		return fmt.Errorf("plugin %q (%s): %w: it speaks API version %d, this daemon speaks %d: install a plugin and a daemon of the same release",
			l.spec.Name, l.spec.Path, base.ErrUnsupported, version, base.APIVersion)
	case info.Kind != "" && info.Kind != l.spec.Kind:
		return fmt.Errorf("plugin %q (%s): %w: it says that it is a %s plugin, not a %s: name or list it as what it is",
			l.spec.Name, l.spec.Path, base.ErrUnsupported, info.Kind, l.spec.Kind)
	}
	l.clean(time.Now()) // then all that it wrote has been read
	return fmt.Errorf("start plugin %q (%s): %w: %w%s", l.spec.Name, l.spec.Path, base.ErrPluginGone, err, l.lastWords())
}

// died says how a process that ran has ended.
func (l *launch) died() error {
	return fmt.Errorf("plugin %q: %w: %s%s", l.spec.Name, base.ErrPluginGone, l.process.exit(), l.lastWords())
}

// lastWords are the last lines of stderr, if any.
func (l *launch) lastWords() string {
	if s := l.stderr.String(); s != "" {
		return "; its last lines:\n" + s
	}
	return ""
}

func (l *launch) pid() int {
	l.process.mu.Lock()
	defer l.process.mu.Unlock()
	return l.process.pid
}

// clean ends the process, politely and until the time given, and frees what belongs to it. It
// blocks; killing the process hastens it. It may be called again.
func (l *launch) clean(until time.Time) {
	l.process.grant(until)
	l.client.Kill()
	l.process.kill()
	if l.pid() != 0 {
		<-l.process.done
	}
}
