// Package measure runs comparisons over a router: it is the compare.Bench of the daemon and of the
// command line.
package measure

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	composed "github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/router"
)

// Bench is a compare.Bench over a router. Make it with New and close it.
type Bench struct {
	router *router.Router
	scope  string // nobody else finds what is computed here
	peaks  *peaks
	held   []*composed.Channel // whose models are leased
}

var _ compare.Bench = (*Bench)(nil)

// New returns a bench. processes, which may be nil, tells of the plugins' processes as they are; it
// is asked from another goroutine until Close.
func New(r *router.Router, processes func() []Process) *Bench {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	return &Bench{router: r, scope: "compare/" + hex.EncodeToString(id), peaks: watch(processes)}
}

// Close ends the watching of processes.
func (b *Bench) Close() { b.peaks.close() }

// Open implements compare.Bench.
func (b *Bench) Open(ctx context.Context, name string) (compare.Channel, error) {
	c, err := b.resolve(name)
	if err != nil {
		return nil, err
	}
	call, err := b.open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &channel{bench: b, call: call}, nil
}

// resolve finds a channel, which must not be two.
func (b *Bench) resolve(name string) (*composed.Channel, error) {
	c, err := b.router.Set().Resolve(name)
	if err == nil && c.AB != nil {
		return nil, fmt.Errorf("%w: %s is an experiment of two channels: compare %s and %s", base.ErrInvalid, c.Name, c.AB.A.Name, c.AB.B.Name)
	}
	return c, err
}

// open leases a channel's model, if it fits beside those that are leased already: to wait for room would
// be to wait for ourselves. A comparison is one long request, for which the channel's limits of time and
// of open requests are not meant.
func (b *Bench) open(ctx context.Context, c *composed.Channel) (*router.Call, error) {
	need, budget, err := b.router.Room(ctx, append(slices.Clone(b.held), c))
	if err != nil {
		return nil, err
	}
	if need > budget && len(b.held) > 0 {
		return nil, fmt.Errorf("%w: %s does not fit beside the %d models that are being compared: together they take about %s, and the budget is %s; compare fewer channels at once, or raise memory in the configuration",
			base.ErrOutOfMemory, c.Name, len(b.held), compare.Mebibytes(need), compare.Mebibytes(budget))
	}
	unlimited := *c
	unlimited.Limits.Timeout, unlimited.Limits.Queue = 0, 0
	call, err := b.router.OpenChannel(ctx, &unlimited)
	if err != nil {
		return nil, err
	}
	call.KeepTo(b.scope)
	b.held = append(b.held, call.Channel())
	return call, nil
}

// close gives a call's model back.
func (b *Bench) close(call *router.Call) {
	if i := slices.Index(b.held, call.Channel()); i >= 0 {
		b.held = slices.Delete(b.held, i, i+1)
	}
	call.Close()
}

// Processes implements compare.Bench.
func (b *Bench) Processes() []compare.Process { return b.peaks.all() }

// Process is a plugin's process as it is now.
type Process struct {
	Kind, Name string
	PID        int   // 0: there is none
	RSS        int64 // bytes; 0: unknown
}

// peaks watches processes. A nil source has none.
type peaks struct {
	source func() []Process
	stop   context.CancelFunc
	done   sync.WaitGroup

	mu   sync.Mutex
	most map[int]compare.Process
}

// watchEvery is how often memory is sampled: what is held for a shorter time may be missed.
const watchEvery = 250 * time.Millisecond

func watch(source func() []Process) *peaks {
	p := &peaks{source: source, most: map[int]compare.Process{}}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	if source == nil {
		return p
	}
	p.look()
	p.done.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.look()
			case <-ctx.Done():
				return
			}
		}
	})
	return p
}

func (p *peaks) look() {
	now := p.source()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range now {
		if x.PID != 0 {
			p.most[x.PID] = compare.Process{Kind: x.Kind, Name: x.Name, PID: x.PID, PeakBytes: max(p.most[x.PID].PeakBytes, x.RSS)}
		}
	}
}

func (p *peaks) all() []compare.Process {
	if p.source != nil {
		p.look()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []compare.Process{}
	for _, x := range p.most {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b compare.Process) int {
		return strings.Compare(fmt.Sprintf("%s %s %010d", a.Kind, a.Name, a.PID), fmt.Sprintf("%s %s %010d", b.Kind, b.Name, b.PID))
	})
	return out
}

func (p *peaks) close() {
	p.stop()
	p.done.Wait()
}
