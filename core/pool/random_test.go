package pool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	randomBudget = 100
	randomKeys   = 8
)

// randomRecipe makes a key's thing: "k3" has a size and a speed of its own, and what happens to it
// is drawn anew each time. No estimate is too low.
func randomRecipe(r *rand.Rand, mu *sync.Mutex) func(string) recipe {
	return func(key string) recipe {
		mu.Lock()
		defer mu.Unlock()
		n := int64(key[1] - '0')
		out := recipe{estimate: 10 + n*11, takes: time.Duration(n) * time.Millisecond, unload: time.Duration(r.IntN(3)) * time.Millisecond}
		out.bytes = out.estimate - r.Int64N(5)
		out.estimate = 10 + n*11
		switch r.IntN(20) {
		case 0:
			out.err = errLoad
		case 1:
			out.dead = true
		case 2:
			out.deaf = true
		case 3:
			out.unerr = errLoad
		case 4:
			out.steps = []Progress{{Stage: "half", Fraction: 0.5}}
		}
		return out
	}
}

// TestRandomCallers lets many callers loose on a pool at once. The fake loader checks what must
// never happen; at the end everything must be gone.
func TestRandomCallers(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomCallers(t, seed) })
		})
	}
}

func randomCallers(t *testing.T, seed uint64) {
	var mu sync.Mutex
	f := newFixture(t, Options{Budget: randomBudget, IdleTTL: 20 * time.Millisecond},
		randomRecipe(rand.New(rand.NewPCG(seed, 0)), &mu))
	f.l.budget = randomBudget
	var callers sync.WaitGroup
	for n := range uint64(12) {
		callers.Go(func() {
			r := rand.New(rand.NewPCG(seed, n+1))
			for range 100 {
				randomCall(t, f, r)
			}
		})
	}
	callers.Wait()
	for i := range randomKeys {
		f.Unpin(fmt.Sprint("k", i))
	}
	time.Sleep(time.Second)
	synctest.Wait()
	require.Empty(t, f.Status(), "all have expired")
	f.close(t)
}

// randomCall does one random thing, and takes its time.
func randomCall(t *testing.T, f fixture, r *rand.Rand) {
	key := fmt.Sprint("k", r.IntN(randomKeys))
	pause := func() { time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond) }
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(60))*time.Millisecond)
	defer cancel()
	switch r.IntN(20) {
	case 0:
		_ = f.Evict(ctx, key) // whether it was there is chance
	case 1:
		f.l.kill(key)
	case 2:
		f.Pin("k1")
	case 3, 4:
		f.Unpin("k1")
	case 5:
		usage := f.Usage()
		if usage.Used > usage.Budget {
			t.Errorf("%d used of %d", usage.Used, usage.Budget)
		}
	default:
		lease, err := f.Acquire(ctx, key, AcquireOptions{})
		if err != nil {
			for _, known := range []error{errLoad, ErrDied, ErrTooLarge, context.DeadlineExceeded} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Errorf("acquire %s: %v", key, err)
			return
		}
		f.l.hold(lease.Value(), 1)
		pause()
		f.l.hold(lease.Value(), -1)
		lease.Release()
	}
	pause()
}

// TestRandomOperations compares the pool with a model after each of many operations.
func TestRandomOperations(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		ops := make([]byte, 2*400)
		for i := range ops {
			ops[i] = byte(r.Uint32())
		}
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runOperations(t, ops) })
	}
}

func FuzzOperations(f *testing.F) {
	for seed := range uint64(4) {
		var ops []byte
		for i := range uint64(20) {
			ops = binary.LittleEndian.AppendUint64(ops, seed+i*0x9e3779b97f4a7c15)
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) { runOperations(t, ops[:min(len(ops), 1000)]) })
}
