package session

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// model is the simple store: what was put and not dropped.
type model map[Identity]map[Key]bool

func (m model) put(id Identity, tokens []int32) {
	if m[id] == nil {
		m[id] = make(map[Key]bool)
	}
	for _, k := range Keys(id, tokens) {
		m[id][k] = true
	}
}

func (m model) run(id Identity, tokens []int32) int {
	for i, k := range Keys(id, tokens) {
		if !m[id][k] {
			return i
		}
	}
	return len(tokens) / PageTokens
}

func randomPrompt(r *rand.Rand) (Identity, []int32) {
	id := []Identity{all, alice, {Model: "qwen", Codec: "none"}}[r.IntN(3)]
	return id, prompt(1+r.IntN(6), r.Int32N(2), r.Int32N(3), r.Int32N(3), r.Int32N(2))
}

// TestRandomOperations compares a store with the model: exactly where it has room for all, and
// where it has not, in that it has nothing else.
func TestRandomOperations(t *testing.T) {
	const steps = 200
	for name, o := range map[string]Options{
		"memory":       {},
		"small memory": {RAMBytes: 20 * small},
		"disk":         {Dir: "d", RAMBytes: 20 * small},
		"small disk":   {Dir: "d", RAMBytes: 10 * small, DiskBytes: 40 * small},
		"disk alone":   {Dir: "d", RAMBytes: -1, QueueBytes: 2 * small},
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(name, " seed ", seed), func(t *testing.T) {
				if o.Dir != "" {
					o.Dir = t.TempDir()
				}
				randomOperations(t, o, rand.New(rand.NewPCG(seed, 1)), steps)
			})
		}
	}
}

func randomOperations(t *testing.T, o Options, r *rand.Rand, steps int) {
	roomy := o.RAMBytes != 20*small && o.DiskBytes == 0 || o.Dir != "" && o.DiskBytes == 0
	o.Logger = quiet
	s, err := Open(o)
	require.NoError(t, err)
	m := make(model)
	var held []*Prefix
	for range steps {
		id, tokens := randomPrompt(r)
		switch r.IntN(12) {
		case 0, 1, 2, 3:
			for _, p := range pagesOf(id, tokens, small) {
				if err := s.Put(ctx, p); err != nil {
					require.False(t, roomy)
					require.ErrorIs(t, err, ErrNoParent) // the one before it did not fit
					break
				}
			}
			m.put(id, tokens)
		case 4, 5, 6, 7:
			found, put := restored(t, s, id, tokens, small), m.run(id, tokens)
			require.LessOrEqual(t, found, put)
			if roomy {
				require.Equal(t, put, found)
			}
		case 8:
			p, err := s.Lookup(ctx, id, tokens)
			require.NoError(t, err)
			held = append(held, p)
		case 9:
			for _, p := range held {
				p.Release()
			}
			held = nil
		case 10:
			require.NoError(t, s.Flush(ctx))
			require.LessOrEqual(t, s.index.used, s.budget())
			if r.IntN(4) == 0 {
				_, err := s.Drop(ctx, func(have Identity) bool { return have == id })
				require.NoError(t, err)
				delete(m, id)
			}
		case 11:
			if o.Dir == "" || r.IntN(3) > 0 {
				continue
			}
			require.NoError(t, s.Close())
			s, err = Open(o)
			require.NoError(t, err)
		}
	}
	for _, p := range held {
		p.Release()
	}
	checkStore(t, s)
	require.Zero(t, s.Stats().Counts.Damaged)
	require.NoError(t, s.Close())
}

// TestRandomCallers lets many callers loose on a store that evicts.
func TestRandomCallers(t *testing.T) {
	both(t, func(t *testing.T, o Options) {
		o.QueueBytes = 3 * small
		if o.Dir == "" {
			o.RAMBytes = 30 * small
		} else {
			o.DiskBytes = 60 * small
		}
		s := openStore(t, o)
		var callers sync.WaitGroup
		for seed := range uint64(6) {
			callers.Go(func() { randomCaller(t, s, rand.New(rand.NewPCG(seed, 2))) })
		}
		callers.Wait()
		checkStore(t, s)
		require.Zero(t, s.Stats().Counts.Damaged)
		require.Positive(t, s.Stats().Counts.Evicted)
	})
}

func randomCaller(t *testing.T, s *Store, r *rand.Rand) {
	for range 60 {
		id, tokens := randomPrompt(r)
		switch r.IntN(10) {
		case 0:
			_, err := s.Drop(ctx, func(have Identity) bool { return have == id })
			noError(t, err)
		case 1:
			noError(t, s.Flush(ctx))
			s.Stats()
		case 2, 3, 4:
			for _, p := range pagesOf(id, tokens, small) {
				if s.Put(ctx, p) != nil {
					break // the one before it is gone
				}
			}
		default:
			lookUp(t, s, id, tokens)
		}
	}
}

// lookUp reads a prompt's pages, any of which may be dropped meanwhile.
func lookUp(t *testing.T, s *Store, id Identity, tokens []int32) {
	p, err := s.Lookup(ctx, id, tokens)
	noError(t, err)
	defer p.Release()
	for i := range p.Pages() {
		data, err := p.Page(ctx, i)
		if err != nil {
			if !isGone(err) {
				t.Error(err)
			}
			return
		}
		if string(data) != string(pageData(p.Key(i), sizeOf(p.Key(i), small))) {
			t.Error("another page's data")
		}
	}
}
