package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLoad = errors.New("no such thing")

// thing is what the fake loader loads. It watches over its own life.
type thing struct {
	key   string
	bytes int64
	gone  chan struct{}

	// The loader's lock guards these.
	held     int
	died     bool
	unloaded bool
}

// recipe says how a key loads.
type recipe struct {
	estimate int64
	bytes    int64 // 0: as estimated
	takes    time.Duration
	err      error
	steps    []Progress
	gate     chan struct{} // Load waits for it to close, beside its context; nil: it does not
	deaf     bool          // Load ignores its context
	dead     bool          // is gone as soon as it is loaded
	unload   time.Duration // how long Unload takes
	unerr    error         // what Unload returns
}

// fakeLoader checks that no key is loaded twice, that nothing held is unloaded, that all is
// unloaded once, and, when told to, that the budget is kept.
type fakeLoader struct {
	t      testing.TB
	budget int64 // checked when not 0
	recipe func(key string) recipe

	mu      sync.Mutex
	busy    map[string]bool   // in Load
	live    map[string]*thing // loaded, not gone, not unloaded
	used    int64
	loads   int
	unloads int
}

func newFakeLoader(t testing.TB, recipes func(key string) recipe) *fakeLoader {
	return &fakeLoader{t: t, recipe: recipes, busy: make(map[string]bool), live: make(map[string]*thing)}
}

func (l *fakeLoader) Estimate(_ context.Context, key string) (int64, error) {
	return l.recipe(key).estimate, nil
}

func (l *fakeLoader) Load(ctx context.Context, key string, progress func(Progress)) (Loaded[*thing], error) {
	r := l.recipe(key)
	if r.bytes == 0 {
		r.bytes = r.estimate
	}
	l.enter(key, r.bytes)
	err := l.work(ctx, r, progress)

	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, key)
	if err != nil {
		l.used -= r.bytes
		return Loaded[*thing]{}, err
	}
	th := &thing{key: key, bytes: r.bytes, gone: make(chan struct{})}
	l.loads++
	l.live[key] = th
	if r.dead {
		l.dieLocked(th)
	}
	return Loaded[*thing]{
		Value:  th,
		Bytes:  r.bytes,
		Gone:   th.gone,
		Unload: func(context.Context) error { return l.unload(th, r) },
	}, nil
}

func (l *fakeLoader) enter(key string, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[key] || l.live[key] != nil {
		l.t.Errorf("%s is loaded twice", key)
	}
	l.busy[key] = true
	l.used += bytes
	if l.budget > 0 && l.used > l.budget {
		l.t.Errorf("%d bytes in use with %s, budget %d", l.used, key, l.budget)
	}
}

func (l *fakeLoader) work(ctx context.Context, r recipe, progress func(Progress)) error {
	for _, s := range r.steps {
		progress(s)
	}
	done := ctx.Done()
	if r.deaf {
		done = nil
	}
	if r.gate != nil {
		select {
		case <-r.gate:
		case <-done:
			return ctx.Err()
		}
	}
	if r.takes > 0 {
		select {
		case <-time.After(r.takes):
		case <-done:
			return ctx.Err()
		}
	}
	return r.err
}

func (l *fakeLoader) unload(th *thing, r recipe) error {
	l.mu.Lock()
	if th.held > 0 {
		l.t.Errorf("%s is unloaded with %d leases", th.key, th.held)
	}
	if th.unloaded {
		l.t.Errorf("%s is unloaded twice", th.key)
	}
	th.unloaded = true
	l.mu.Unlock()
	if r.unload > 0 {
		<-time.After(r.unload)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unloads++
	if !th.died {
		l.used -= th.bytes
		delete(l.live, th.key)
	}
	return r.unerr
}

// kill makes what is loaded under the key die, and says whether there was something.
func (l *fakeLoader) kill(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	th := l.live[key]
	if th == nil {
		return false
	}
	l.dieLocked(th)
	return true
}

func (l *fakeLoader) dieLocked(th *thing) {
	th.died = true
	l.used -= th.bytes
	delete(l.live, th.key)
	close(th.gone)
}

func (l *fakeLoader) hold(th *thing, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if th.unloaded {
		l.t.Errorf("%s is leased and unloaded", th.key)
	}
	th.held += n
}

func (l *fakeLoader) counts() (loads, unloads, live int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loads, l.unloads, len(l.live)
}

// fixture is a pool over a fake loader, closed and checked at the end of the test.
type fixture struct {
	*Pool[*thing]
	l *fakeLoader
}

func newFixture(t testing.TB, o Options, recipes func(key string) recipe) fixture {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	l := newFakeLoader(t, recipes)
	p, err := New[*thing](o, l)
	require.NoError(t, err)
	return fixture{p, l}
}

// close closes the pool and checks that nothing is left.
func (f fixture) close(t testing.TB) {
	t.Helper()
	require.NoError(t, f.Close(t.Context()))
	loads, unloads, live := f.l.counts()
	require.Equal(t, loads, unloads, "things loaded and unloaded")
	require.Zero(t, live)
	require.Zero(t, f.Usage().Used)
	require.Empty(t, f.Status())
}

// acquire fails the test if there is no lease.
func (f fixture) acquire(t testing.TB, key string) *Lease[*thing] {
	t.Helper()
	lease, err := f.Acquire(t.Context(), key, AcquireOptions{})
	require.NoError(t, err)
	return lease
}

// status returns the one of a key, or the zero value.
func (f fixture) status(key string) Status {
	for _, s := range f.Status() {
		if s.Key == key {
			return s
		}
	}
	return Status{}
}

// outcome is what an Acquire in another goroutine came to.
type outcome struct {
	lease *Lease[*thing]
	err   error
}

// start begins an Acquire in another goroutine.
func (f fixture) start(ctx context.Context, key string, o AcquireOptions) <-chan outcome {
	out := make(chan outcome, 1)
	go func() {
		lease, err := f.Acquire(ctx, key, o)
		out <- outcome{lease, err}
	}()
	return out
}

// sized makes recipes from keys such as "a:30": 30 bytes.
func sized(key string) recipe {
	var name string
	var bytes int64
	if _, err := fmt.Sscanf(key, "%1s:%d", &name, &bytes); err != nil {
		panic(fmt.Sprintf("key %q: %v", key, err))
	}
	return recipe{estimate: bytes}
}
