package router

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/session"
)

// Stats is what the router does now and has done.
type Stats struct {
	Pool     pool.Usage
	Models   []ModelStats
	Channels []ChannelStats // those that had a request, by name
	Sessions *SessionStats  // nil: no pages are kept
}

// SessionStats is what is kept of conversations that are idle.
type SessionStats struct {
	session.Stats
	Formats []FormatStats // by name
}

// FormatStats is what is kept in one format: of one backend and codec, with its parameters.
type FormatStats struct {
	Format  string
	Pages   int
	Bytes   int64
	Nominal int64 // of the same keys and values in f16
}

// ModelStats is one thing in the pool, loaded or on its way.
type ModelStats struct {
	pool.Status
	ID      backend.ModelID   // "" until it is loaded
	Info    backend.ModelInfo // zero until it is loaded
	Backend backend.Stats     // zero until it is loaded, or when the backend did not answer in time
}

// ChannelStats counts a channel's requests.
type ChannelStats struct {
	Name         string
	Active       int64
	Requests     int64 // ended
	Failed       int64 // of these, with an error
	Cancelled    int64 // of these, since nobody wanted the answer any more
	PromptTokens int64
	CachedTokens int64 // of these, found in the cache
	Restored     int64 // of these, parked before
	OutputTokens int64
}

// statsPatience is how long a backend may take to answer for its stats.
const statsPatience = 2 * time.Second

// Stats gathers figures. It asks the backends of all loaded models.
func (r *Router) Stats(ctx context.Context) Stats {
	out := Stats{Pool: r.pool.Usage(), Channels: r.counters.all()}
	if r.sessions != nil {
		out.Sessions = sessionStats(r.sessions.Stats())
	}
	loaded := r.models.models()
	ctx, cancel := context.WithTimeout(ctx, statsPatience)
	defer cancel()
	var asked sync.WaitGroup
	out.Models = make([]ModelStats, 0, len(loaded))
	for _, status := range r.pool.Status() {
		out.Models = append(out.Models, ModelStats{Status: status})
	}
	for i := range out.Models {
		s := &out.Models[i]
		m := loaded[s.Key]
		if m == nil {
			continue
		}
		s.ID, s.Info = m.id, m.info
		asked.Go(func() { s.Backend, _ = m.instance.Stats(ctx, m.id) })
	}
	asked.Wait()
	return out
}

// sessionStats adds up the identities of each format.
func sessionStats(s session.Stats) *SessionStats {
	formats := map[string]FormatStats{}
	for _, g := range s.Groups {
		f := formats[g.Identity.Codec]
		f.Format = g.Identity.Codec
		f.Pages += g.Pages
		f.Bytes += g.Bytes
		f.Nominal += g.Nominal
		formats[f.Format] = f
	}
	return &SessionStats{Stats: s, Formats: slices.SortedFunc(maps.Values(formats), func(a, b FormatStats) int {
		return cmp.Compare(a.Format, b.Format)
	})}
}

// Room says what the channels' models take together, each once, in bytes, and the budget. Of what was not
// loaded before it is a guess.
func (r *Router) Room(ctx context.Context, channels []*channel.Channel) (need, budget int64, err error) {
	seen := map[string]bool{}
	for _, c := range channels {
		key := c.LoadKey()
		if seen[key] {
			continue
		}
		seen[key] = true
		r.models.note(c)
		n, err := loader{r}.Estimate(ctx, key)
		if err != nil {
			return 0, 0, err
		}
		need += n
	}
	return need, r.pool.Usage().Budget, nil
}

// Loaded returns what is known of the model behind a load key, if it is loaded.
func (r *Router) Loaded(key string) (backend.ModelInfo, bool) {
	m := r.models.models()[key]
	if m == nil {
		return backend.ModelInfo{}, false
	}
	return m.info, true
}

// State returns the pool's word on a load key; ok is false when nothing is there.
func (r *Router) State(key string) (status pool.Status, ok bool) {
	all := r.pool.Status()
	i := slices.IndexFunc(all, func(s pool.Status) bool { return s.Key == key })
	if i < 0 {
		return pool.Status{}, false
	}
	return all[i], true
}

// counters of all channels, by name. The zero value is ready.
type counters struct{ byName sync.Map }

type counter struct {
	active, requests, failed, cancelled atomic.Int64
	prompt, cached, restored, output    atomic.Int64
}

func (c *counters) of(name string) *counter {
	if v, ok := c.byName.Load(name); ok {
		return v.(*counter)
	}
	v, _ := c.byName.LoadOrStore(name, &counter{})
	return v.(*counter)
}

func (c *counters) all() []ChannelStats {
	var out []ChannelStats
	c.byName.Range(func(name, v any) bool {
		n := v.(*counter)
		out = append(out, ChannelStats{
			Name: name.(string), Active: n.active.Load(), Requests: n.requests.Load(),
			Failed: n.failed.Load(), Cancelled: n.cancelled.Load(),
			PromptTokens: n.prompt.Load(), CachedTokens: n.cached.Load(), Restored: n.restored.Load(), OutputTokens: n.output.Load(),
		})
		return true
	})
	slices.SortFunc(out, func(a, b ChannelStats) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (c *counter) began() { c.active.Add(1) }

func (c *counter) tokens(f *backend.Final) {
	c.prompt.Add(int64(f.PromptTokens))
	c.cached.Add(int64(f.CachedTokens))
	c.restored.Add(int64(f.RestoredTokens))
	c.output.Add(int64(f.OutputTokens))
}

func (c *counter) ended(err error) {
	c.active.Add(-1)
	c.requests.Add(1)
	switch {
	case errors.Is(err, context.Canceled):
		c.cancelled.Add(1)
	case err != nil:
		c.failed.Add(1)
	}
}
