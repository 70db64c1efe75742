// Package compute shares the machine's cores among the models of this process.
//
// llama.cpp's threads meet at a barrier after every operation and spin while they wait. Two
// steps at once on the same cores therefore slow each other down by orders of magnitude. So one
// step runs at a time, whichever model it is for, and models that use as many threads share them.
package compute

import (
	"sync"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// Threads says how a model computes.
type Threads struct {
	Count int
	Poll  int // 0 to 100: how long idle threads spin before they sleep
}

// turn is held for the length of a step. A waiter of more than a millisecond goes before those
// that come after it, so that models take turns.
var turn sync.Mutex

// Do runs step while no other step runs.
func Do(step func() error) error {
	turn.Lock()
	defer turn.Unlock()
	return step()
}

var pools = struct {
	mu   sync.Mutex
	held map[Threads]*entry
}{held: map[Threads]*entry{}}

type entry struct {
	pool  *binding.Pool
	users int
}

// Acquire returns running threads, which other models may use too, though not at the same time:
// use them within [Do]. The caller calls release once.
func Acquire(t Threads) (pool *binding.Pool, release func(), err error) {
	pools.mu.Lock()
	defer pools.mu.Unlock()
	e := pools.held[t]
	if e == nil {
		pool, err := binding.NewPool(t.Count, t.Poll)
		if err != nil {
			return nil, nil, err
		}
		e = &entry{pool: pool}
		pools.held[t] = e
	}
	e.users++
	return e.pool, sync.OnceFunc(func() { drop(t) }), nil
}

func drop(t Threads) {
	pools.mu.Lock()
	defer pools.mu.Unlock()
	e := pools.held[t]
	if e.users--; e.users == 0 {
		delete(pools.held, t)
		e.pool.Free()
	}
}
