package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// drainTime is how long the pipes of a dead process are read on: a child of its own may hold
// them open.
const drainTime = time.Second

// process is one child process. It implements go-plugin's runner.Runner, so that its exit is
// known the moment that it happens and a kill waits as long as the host says.
type process struct {
	cmd    *exec.Cmd
	stdout *pipe
	stderr *pipe
	exited chan struct{} // closed when the process has been waited for, or could not be started
	done   chan struct{} // closed when its pipes are closed too

	mu     sync.Mutex
	doomed bool // kill was called
	pid    int
	err    error     // how it exited
	killAt time.Time // Kill gives it until then
}

var _ runner.Runner = (*process)(nil)

// newProcess makes the child that go-plugin described, not yet started.
func newProcess(cmd *exec.Cmd) *process {
	cmd.Stdin = nil
	dieWithParent(cmd)
	return &process{cmd: cmd, exited: make(chan struct{}), done: make(chan struct{})}
}

// Start implements runner.Runner.
func (p *process) Start(context.Context) error {
	started := make(chan error, 1)
	go p.live(started)
	return <-started
}

// live starts the process and waits for it, on one thread: the kernel kills a child when the
// thread that started it ends.
func (p *process) live(started chan<- error) {
	defer close(p.done)
	stdout, stderr, err := p.start()
	if err != nil {
		close(p.exited)
		started <- err
		return
	}
	p.stdout, p.stderr = stdout, stderr
	started <- nil
	err = p.cmd.Wait()
	runtime.UnlockOSThread()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.exited)

	drained := time.NewTimer(drainTime)
	defer drained.Stop()
	for _, end := range []*pipe{stdout, stderr} {
		select {
		case <-end.read:
		case <-drained.C:
			drained.Reset(0)
		}
		_ = end.Close()
	}
}

// start starts the process and leaves the goroutine on its thread.
func (p *process) start() (stdout, stderr *pipe, err error) {
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, outR.Close(), outW.Close())
	}
	p.cmd.Stdout, p.cmd.Stderr = outW, errW
	runtime.LockOSThread()
	err = p.cmd.Start()
	_, _ = outW.Close(), errW.Close()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, nil, errors.Join(err, outR.Close(), errR.Close())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = p.cmd.Process.Pid
	if p.doomed {
		_ = p.cmd.Process.Kill() // it may have exited
	}
	return newPipe(outR), newPipe(errR), nil
}

// Wait implements runner.Runner. go-plugin calls it when it has read both pipes to their end.
func (p *process) Wait(context.Context) error {
	<-p.exited
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Kill implements runner.Runner. It waits until the time that grant gave, then kills.
func (p *process) Kill(context.Context) error {
	p.mu.Lock()
	grace := time.NewTimer(time.Until(p.killAt))
	p.mu.Unlock()
	defer grace.Stop()
	select {
	case <-p.exited:
		return nil
	case <-grace.C:
	}
	p.kill()
	return nil
}

// grant lets the process live until then, whatever go-plugin thinks.
func (p *process) grant(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killAt = until
}

// kill ends the process at once, or as soon as it has started.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doomed = true
	if p.pid != 0 {
		_ = p.cmd.Process.Kill() // it may have exited
	}
}

// exit says how the process ended, once it has.
func (p *process) exit() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// Stdout implements runner.Runner.
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr implements runner.Runner.
func (p *process) Stderr() io.ReadCloser { return p.stderr }

// Name implements runner.Runner.
func (p *process) Name() string { return p.cmd.Path }

// ID implements runner.Runner. It is never empty: go-plugin cleans up only what has one.
func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strconv.Itoa(p.pid)
}

// Diagnose implements runner.Runner.
func (p *process) Diagnose(context.Context) string {
	if why := unusable(p.cmd.Path); why != "" {
		return fmt.Sprintf("%s: %s", p.cmd.Path, why)
	}
	return "it did not say that it is a kakeya plugin; is it one, built for this machine?"
}

// PluginToHost implements runner.Runner.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
