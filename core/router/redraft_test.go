package router_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// drafted are a backend that is told of drafters and does not use them, and drafters that die when a test says so.
type drafted struct {
	backend.Backend
	redraft func(try int) error

	before func(*backend.Final) // of each answer

	mu        sync.Mutex
	condemned []int         // processes, from 0 on
	alive     chan struct{} // closed when the drafter that runs now dies
	tickets   int
	got       []backend.Link // what Redraft was called with
	tries     int
}

func newDrafted(redraft func(try int) error) *drafted {
	return &drafted{Backend: fake.New(fake.Config{}), redraft: redraft, alive: make(chan struct{})}
}

func (d *drafted) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	req.Bindings.Drafter = nil
	return d.Backend.LoadModel(ctx, req, progress)
}

func (d *drafted) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	return d.Backend.Generate(ctx, req, func(e backend.Event) error {
		if e.Final != nil && d.before != nil {
			d.before(e.Final)
		}
		return emit(e)
	})
}

func (d *drafted) Redraft(_ context.Context, _ backend.ModelID, drafter backend.Link) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tries++
	if err := d.redraft(d.tries); err != nil {
		return err
	}
	d.got = append(d.got, drafter)
	return nil
}

// die ends the drafter that runs now; another runs at once.
func (d *drafted) die() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.alive)
	d.alive = make(chan struct{})
}

func (d *drafted) links() []backend.Link {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.got
}

func (d *drafted) OpenLink(context.Context) (link.Ticket, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets++
	return link.Ticket{Address: fmt.Sprint("ticket ", d.tickets)}, nil
}

// running is that as plugins.
type running struct{ *drafted }

func (r running) Backend(context.Context, string) (router.Instance, error) {
	return router.Instance{Backend: r.drafted}, nil
}

func (r running) Linked(context.Context, base.Kind, string) (router.Linked, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	process := r.tickets
	return router.Linked{Linker: r.drafted, Gone: r.alive, Condemn: func(error) { r.condemned = append(r.condemned, process) }}, nil
}

// draftedRouter is a router whose channel m has a drafter, and is loaded.
func draftedRouter(t *testing.T, d *drafted) *router.Router {
	t.Helper()
	set := routertest.Set(t, models{"m": routertest.Model(t, fake.ModelConfig{})},
		channels{"m": {Drafter: &channel.DrafterSpec{Name: "ngram", Params: map[string]string{"max_draft": "4"}}}})
	r := routertest.Router(t, running{d}, set)
	call, err := r.Open(t.Context(), "m")
	require.NoError(t, err)
	call.Close()
	require.Empty(t, d.links())
	return r
}

// A drafter that dies comes back with a new link and the channel's parameters, each time.
func TestDrafterReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrafted(func(int) error { return nil })
		draftedRouter(t, d)
		for deaths := 1; deaths <= 3; deaths++ {
			d.die()
			synctest.Wait()
			links := d.links()
			require.Len(t, links, deaths)
			last := links[deaths-1]
			assert.Equal(t, fmt.Sprint("ticket ", deaths+1), last.Address)
			assert.Equal(t, "ngram", last.Plugin)
			assert.Equal(t, map[string]string{"max_draft": "4"}, last.Params)
		}
	})
}

// One that cannot be attached is tried again later, until it can.
func TestDrafterReturnsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrafted(func(try int) error {
			if try < 4 {
				return fmt.Errorf("try %d: %w", try, base.ErrPluginGone)
			}
			return nil
		})
		draftedRouter(t, d)
		d.die()
		synctest.Wait()
		assert.Empty(t, d.links())
		time.Sleep(10 * time.Second) // of the bubble
		require.Len(t, d.links(), 1)
		assert.Equal(t, "ticket 5", d.links()[0].Address)
	})
}

// A backend that takes no other drafter is asked once.
func TestDrafterThatCannotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrafted(func(int) error { return base.ErrUnsupported })
		draftedRouter(t, d)
		d.die()
		time.Sleep(10 * time.Second) // of the bubble
		d.die()
		time.Sleep(10 * time.Second) // of the bubble
		assert.Equal(t, 1, d.tries)
	})
}

// What a request tells of the drafter that it had is not held against the next one.
func TestDrafterIsBlamedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrafted(func(int) error { return nil })
		r := draftedRouter(t, d)
		deaths := 0
		d.before = func(f *backend.Final) {
			f.Draft = backend.DraftStats{Off: backend.DraftFailed, Fault: "it said nonsense"}
			if deaths++; deaths == 1 {
				d.die()
				synctest.Wait()
			}
		}
		for range 2 {
			_, _, err := say(r, "m", user("x"))
			require.NoError(t, err)
		}
		require.Len(t, d.links(), 1)
		assert.Equal(t, []int{0, 1}, d.condemned, "each by the request that had it")
	})
}
