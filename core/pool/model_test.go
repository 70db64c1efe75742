package pool

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// model is what a pool should look like from outside: who has leases, who waits, and what is
// pinned. It does not know which idle things are kept, only that none is that is in the way.
type model struct {
	t       *testing.T
	f       fixture
	held    []*Lease[*thing]
	waiting []*caller
	pins    map[string]bool
}

// caller is an Acquire that has not returned.
type caller struct {
	key    string
	cancel context.CancelFunc
	result <-chan outcome
}

// modelSize of each key; some pairs fit the budget of 100, some do not, one never does.
var modelSize = map[string]int64{"k0": 10, "k1": 30, "k2": 40, "k3": 50, "k4": 60, "k5": 90, "k6": 100, "k7": 101}

// runOperations takes two bytes for each operation: what, and on what.
func runOperations(t *testing.T, ops []byte) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{t: t, pins: make(map[string]bool)}
		m.f = newFixture(t, Options{Budget: 100}, func(key string) recipe { return recipe{estimate: modelSize[key]} })
		m.f.l.budget = 100
		for ; len(ops) >= 2; ops = ops[2:] {
			m.do(ops[0], int(ops[1]))
			synctest.Wait()
			m.collect()
			m.check()
			if t.Failed() {
				break
			}
		}
		for _, c := range m.waiting {
			c.cancel()
		}
		synctest.Wait()
		m.collect()
		require.Empty(t, m.waiting)
		for _, lease := range m.held {
			m.drop(lease)
		}
		m.f.close(t)
	})
}

func (m *model) do(what byte, on int) {
	key := fmt.Sprint("k", on%len(modelSize))
	switch what % 16 {
	case 0, 1, 2, 3, 4, 5:
		ctx, cancel := context.WithCancel(m.t.Context())
		m.waiting = append(m.waiting, &caller{key, cancel, m.f.start(ctx, key, AcquireOptions{})})
	case 6, 7, 8, 9, 10:
		if len(m.held) > 0 {
			i := on % len(m.held)
			m.drop(m.held[i])
			m.held = append(m.held[:i], m.held[i+1:]...)
		}
	case 11, 12:
		if len(m.waiting) > 0 {
			m.waiting[on%len(m.waiting)].cancel()
		}
	case 13:
		m.f.l.kill(key)
	case 14:
		if m.pins[key] = !m.pins[key]; m.pins[key] {
			m.f.Pin(key)
		} else {
			m.f.Unpin(key)
		}
	case 15:
		ctx, cancel := context.WithCancel(m.t.Context())
		cancel() // takes what is idle, and is called off for what is not
		_ = m.f.Evict(ctx, key)
	}
}

func (m *model) drop(lease *Lease[*thing]) {
	m.f.l.hold(lease.Value(), -1)
	lease.Release()
}

// collect takes in what callers came to.
func (m *model) collect() {
	var still []*caller
	for _, c := range m.waiting {
		select {
		case got := <-c.result:
			c.cancel()
			if got.err == nil {
				m.f.l.hold(got.lease.Value(), 1)
				m.held = append(m.held, got.lease)
			}
		default:
			still = append(still, c)
		}
	}
	m.waiting = still
}

// check compares the pool, which has come to rest, with the model.
func (m *model) check() {
	var (
		used, stuck int64 // bytes; and those that cannot be freed now
		leases      int
		states      = make(map[string]Status)
	)
	for _, s := range m.f.Status() {
		states[s.Key] = s
		used += s.Bytes
		leases += s.Leases
		require.Equal(m.t, m.pins[s.Key], s.Pinned)
		require.Contains(m.t, []State{StateReady, StateWaiting}, s.State, "at rest")
		if s.State == StateReady {
			require.Equal(m.t, modelSize[s.Key], s.Bytes)
			if s.Leases > 0 || s.Pinned {
				stuck += s.Bytes
			}
		}
	}
	require.Equal(m.t, used, m.f.Usage().Used)
	require.LessOrEqual(m.t, used, int64(100))

	living := 0
	for _, lease := range m.held {
		select {
		case <-lease.Gone():
		default:
			living++
		}
	}
	require.Equal(m.t, living, leases)

	// Somebody waits only if what cannot be freed is in the way of the first in the queue, or of
	// who has asked for a thing that has to go first.
	blocked := len(m.waiting) == 0
	for _, c := range m.waiting {
		s, ok := states[c.key]
		require.True(m.t, ok, "%s is waited for and not there", c.key)
		switch s.State {
		case StateWaiting:
			blocked = blocked || stuck+modelSize[c.key] > 100
		default:
			require.True(m.t, s.Draining, "%s is there and gives no lease", c.key)
		}
	}
	require.True(m.t, blocked, "somebody waits for nothing")
}
