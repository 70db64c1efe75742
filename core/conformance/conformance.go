// Package conformance runs the suite of a plugin's contract on its binary and reports what it found:
// `kakeyad plugin test`. The checks are those of codectest, backendtest and draftertest; the plugin
// runs as the daemon runs it, under a host.
package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Options say what to test and how.
type Options struct {
	Spec     host.Spec         // of the plugin
	Params   map[string]string // that streams and attachments are opened with
	HeadDims []int             // that a codec must know; nil: 64, 128 and 256
	Types    []codec.DType     // and number formats; nil: all
	Model    string            // file that a backend is tested with
	Patience time.Duration     // most time of one check; 0: a minute
	NoSpeed  bool              // do not measure it

	Logger   *slog.Logger  // of what the plugin says; nil: none
	TempDir  string        // where the folder of sockets is made; "": the system's
	Progress func(Outcome) // called after each check; nil: none
}

// State is how a check ended.
type State string

// The states.
const (
	OK      State = "ok"
	Failed  State = "FAILED"
	Skipped State = "skipped" // it does not apply
	NotRun  State = "not run" // the plugin was gone, or did not answer, before
)

// Outcome is one check's.
type Outcome struct {
	Where string // "gRPC" or "link"
	Name  string // such as "frames/damage"
	Doc   string // the promise
	State State
	Why   string // of a failure or a skip
}

// stopTime is how long a plugin may take to end before it is killed.
const stopTime = 3 * time.Second

// Run starts the plugin, checks it and stops it. An error means that there is no report: there is no
// such file, it is no plugin, or it refuses the model and the parameters that it is given. A plugin that
// breaks its promises is a report that has not passed.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if o.Progress == nil {
		o.Progress = func(Outcome) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	sum, err := SHA256(o.Spec.Path)
	if err != nil {
		return nil, err
	}
	i, stopPlugin, err := Start(ctx, host.Options{Plugins: []host.Spec{o.Spec}, Logger: o.Logger, TempDir: o.TempDir})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopPlugin()) }()
	r := &run{options: o, instance: i, report: &Report{Info: i.Info, SHA256: sum, Params: o.Params}}
	checking, stop := context.WithCancel(ctx)
	defer stop()
	r.stop = stop
	switch o.Spec.Kind {
	case base.KindCodec:
		err = r.codec(checking)
	case base.KindDrafter:
		err = r.drafter(checking)
	default:
		err = r.backend(checking)
	}
	r.report.Died = r.gone()
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	return r.report, nil
}

// Start starts the only plugin of a host, once. The caller stops it.
func Start(ctx context.Context, o host.Options) (_ *host.Instance, stop func() error, err error) {
	o.StopTimeout = stopTime
	h := host.New(o)
	if err := h.Start(ctx); err != nil {
		return nil, nil, err
	}
	stop = func() error { return h.Stop(context.WithoutCancel(ctx)) }
	i, err := h.Plugin(ctx, o.Plugins[0].Kind, o.Plugins[0].Name)
	if err == nil {
		return i, stop, nil
	}
	if down, ok := errors.AsType[*host.DownError](err); ok {
		err = down.Cause // nobody waits until it is started again
	}
	return nil, nil, errors.Join(err, stop())
}

// SHA256 is that of a file, in hexadecimal, as the configuration pins it.
func SHA256(path string) (_ string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// run is one in the making.
type run struct {
	options  Options
	instance *host.Instance
	report   *Report
	lost     bool // the plugin is gone or does not answer
	stop     context.CancelFunc
}

// note takes down what came of a check. When it lost the plugin, the checks after it are not run.
func (r *run) note(where, name, doc string, err error, skipped string) {
	o := Outcome{Where: where, Name: name, Doc: doc, State: OK}
	switch {
	case r.lost:
		o.State = NotRun
	case skipped != "":
		o.State, o.Why = Skipped, skipped
	case err != nil:
		o.State, o.Why = Failed, err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			o.Why += "; a plugin that is only slow needs more --patience"
		}
		if errors.Is(err, base.ErrPluginGone) {
			r.awaitEnd()
		}
		if r.lost = r.gone() || errors.Is(err, base.ErrPluginGone) || errors.Is(err, context.DeadlineExceeded); r.lost {
			r.stop()
		}
	}
	r.report.Outcomes = append(r.report.Outcomes, o)
	r.options.Progress(o)
}

// awaitEnd gives a process whose connection broke the time to end: the connection is often seen to go first.
func (r *run) awaitEnd() {
	select {
	case <-r.instance.Gone():
	case <-time.After(stopTime):
	}
}

func (r *run) gone() bool {
	select {
	case <-r.instance.Gone():
		return true
	default:
		return false
	}
}
