package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/experiment/shadow"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/session"
)

// daemon is everything that serve runs, put together. Its parts stop in the reverse order of their start.
type daemon struct {
	config   *config.Config // that it was started with
	log      *slog.Logger
	level    *slog.LevelVar
	host     *host.Host
	sessions *session.Store // nil: no pages are kept
	router   *router.Router
	results  *experiment.Registry // of channels that are two
	shadow   *shadow.Runner
	server   *api.Server
	watcher  *config.Watcher
	listener net.Listener
	served   chan error // what the listener's end was; sent once
}

// newDaemon reads the configuration and starts everything. On an error nothing is left running.
func newDaemon(ctx context.Context, options config.Options, logTo io.Writer) (_ *daemon, err error) {
	cfg, err := config.Load(options)
	if err != nil {
		return nil, err
	}
	d := &daemon{config: cfg, served: make(chan error, 1)}
	d.log, d.level = newLogger(cfg.Log, logTo)
	slog.SetDefault(d.log)
	d.say(cfg)
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder (data_dir, KAKEYAD_DATA_DIR): %w", err)
	}
	if d.listener, err = listen(ctx, cfg.Listen); err != nil {
		return nil, err
	}
	if d.listener, err = secured(d.listener, cfg.Server); err != nil {
		return nil, err
	}
	d.warnOfOpenness(cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.listener.Close())
		}
	}()

	if d.sessions, err = openSessions(cfg.Sessions, d.log); err != nil {
		return nil, err
	}
	d.host = host.New(hostOptions(cfg, d.log))
	if err := d.host.Start(ctx); err != nil {
		return nil, errors.Join(err, d.closeSessions())
	}
	d.router, err = router.New(router.Options{
		Plugins: plugins{d.host},
		Pool:    poolOptions(cfg),
		Set:     cfg.Set, Sessions: d.sessions, Logger: d.log,
		CallTimeout: time.Duration(cfg.Plugins.CallTimeout),
	})
	if err != nil {
		return nil, errors.Join(err, d.host.Stop(ctx), d.closeSessions())
	}
	d.results, err = openResults(cfg.DataDir, d.log)
	if err != nil {
		return nil, errors.Join(err, d.router.Close(ctx), d.host.Stop(ctx), d.closeSessions())
	}
	d.results.Swap(experiment.Definitions(cfg.Set))
	d.shadow = shadow.New(d.router, d.results, d.log)
	d.server = api.New(d.serverOptions())
	d.watcher, err = config.Watch(ctx, options, cfg, d.reloaded, d.refused)
	if err != nil {
		d.shadow.Close()
		return nil, errors.Join(err, d.results.Close(), d.router.Close(ctx), d.host.Stop(ctx), d.closeSessions())
	}
	go func() { d.served <- d.server.Serve(d.listener) }() // ends at Shutdown, which stop calls
	return d, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program; serve elsewhere by --listen HOST:PORT (port 0 is any free one): %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

func hostOptions(cfg *config.Config, log *slog.Logger) host.Options {
	o := host.Options{
		Dir:            cfg.Plugins.Dir,
		StartTimeout:   time.Duration(cfg.Plugins.StartTimeout),
		StopTimeout:    time.Duration(cfg.Plugins.StopTimeout),
		HealthInterval: time.Duration(cfg.Plugins.Health.Interval),
		HealthTimeout:  time.Duration(cfg.Plugins.Health.Timeout),
		RestartMin:     time.Duration(cfg.Plugins.Restart.Min),
		RestartMax:     time.Duration(cfg.Plugins.Restart.Max),
		Logger:         log,
	}
	for _, p := range cfg.Plugins.List {
		o.Plugins = append(o.Plugins, host.Spec{
			Kind: base.Kind(p.Kind), Name: p.Name, Path: p.Path, Args: p.Args, Env: p.Env, SHA256: p.SHA256,
		})
	}
	return o
}

func poolOptions(cfg *config.Config) pool.Options {
	return pool.Options{
		Budget:        cfg.Memory.Bytes(pool.MachineMemory()),
		IdleTTL:       max(0, time.Duration(cfg.Pool.IdleTTL)),
		UnloadTimeout: time.Duration(cfg.Pool.UnloadTimeout),
	}
}

// plugins is the host as the router sees it.
type plugins struct{ host *host.Host }

// Backend implements router.Plugins.
func (p plugins) Backend(ctx context.Context, name string) (router.Instance, error) {
	i, err := p.host.Plugin(ctx, base.KindBackend, name)
	if err != nil {
		return router.Instance{}, err
	}
	return router.Instance{Backend: i.Backend, Gone: i.Gone(), Condemn: i.Condemn}, nil
}

// Linked implements router.Plugins.
func (p plugins) Linked(ctx context.Context, kind base.Kind, name string) (router.Linked, error) {
	i, err := p.host.Plugin(ctx, kind, name)
	if err != nil {
		return router.Linked{}, err
	}
	return router.Linked{Linker: i.Linker, Info: i.Info, Gone: i.Gone(), Condemn: i.Condemn}, nil
}

// reloaded takes a new configuration over, as far as a running daemon can.
func (d *daemon) reloaded(cfg *config.Config) {
	d.log.Info("configuration read again", "channels", len(cfg.Set.All()))
	d.say(cfg)
	d.level.Set(levelOf(cfg.Log))
	d.router.Swap(cfg.Set)
	d.results.Swap(experiment.Definitions(cfg.Set))
	d.server.SetKeys(cfg.Keys)
	d.warnOfOpenness(cfg)
}

// refused says why a new configuration was not taken over.
func (d *daemon) refused(err error) {
	d.log.Error("configuration refused, the one before still holds", "error", err)
}

// say logs what is odd about a configuration.
func (d *daemon) say(cfg *config.Config) {
	for _, notice := range cfg.Notices {
		d.log.Warn(notice)
	}
	for _, c := range cfg.Set.All() {
		for _, warning := range c.Warnings {
			d.log.Warn(warning, "channel", c.Name)
		}
	}
	if len(cfg.Set.All()) == 0 {
		d.log.Warn("there is no channel to serve: put a GGUF file into the models folder, or name one in the configuration", "models_dir", cfg.ModelsDir)
	}
}

// grace is how long requests may go on when the context has ended: not at all for a parent that is gone, whose
// requests they were.
func (d *daemon) grace(ctx context.Context) time.Duration {
	if parentGone(ctx) {
		return 0
	}
	return time.Duration(d.config.Server.ShutdownGrace)
}

// stop ends everything. Requests get their grace, and models the time to be unloaded, in which what they hold is
// parked; another signal ends both at once. It returns cause, or what went wrong in stopping.
func (d *daemon) stop(ctx context.Context, cause error) error {
	hurry, release := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer release()

	d.watcher.Close()
	grace, done := context.WithTimeout(hurry, d.grace(ctx))
	defer done()
	err := d.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		d.log.Warn("requests were cut short")
		err = nil
	}
	d.shadow.Close()
	err = errors.Join(err, d.results.Close())
	unloading, done := context.WithTimeout(hurry, time.Duration(d.config.Pool.UnloadTimeout))
	defer done()
	closed := d.router.Close(unloading)
	if errors.Is(closed, context.Canceled) {
		d.log.Warn("models were not unloaded; what they held is not kept")
		closed = nil
	}
	last, done := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(d.config.Plugins.StopTimeout))
	defer done()
	return errors.Join(cause, err, closed, d.host.Stop(last), d.closeSessions())
}
