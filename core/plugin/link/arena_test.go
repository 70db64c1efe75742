package link

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// TestArena compares the arena with a map of who has which byte.
func TestArena(t *testing.T) {
	for seed := range uint64(20) {
		source := rand.New(rand.NewPCG(seed, 1))
		const size = 64 * 40
		a := newArena(size + 17)
		owner := make([]int, size)
		held := map[int]int{} // place: bytes
		for step := 1; step < 2000; step++ {
			if source.IntN(2) == 0 {
				n := source.IntN(64 * 12)
				at, ok := a.take(n)
				if !ok {
					if longest(owner) >= max(n, 1) {
						t.Fatalf("seed %d, step %d: no %d bytes, %d in a row are free", seed, step, n, longest(owner))
					}
					continue
				}
				rounded := max(64, (n+63)/64*64)
				for i := at; i < at+rounded; i++ {
					if owner[i] != 0 {
						t.Fatalf("seed %d, step %d: byte %d given out twice", seed, step, i)
					}
					owner[i] = step
				}
				held[at] = rounded
				continue
			}
			for at, n := range held {
				if !a.give(at) {
					t.Fatalf("seed %d, step %d: not taken back", seed, step)
				}
				clear(owner[at : at+n])
				delete(held, at)
				if a.give(at) {
					t.Fatalf("seed %d, step %d: taken back twice", seed, step)
				}
				break
			}
		}
		for at := range held {
			a.give(at)
		}
		if at, ok := a.take(size); !ok || at != 0 {
			t.Errorf("seed %d: what was given back is not whole again", seed)
		}
	}
}

func longest(owner []int) int {
	best, run := 0, 0
	for _, o := range owner {
		if run++; o != 0 {
			run = 0
		}
		best = max(best, run)
	}
	return best
}

func TestArenaWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(256)
		at, _ := a.take(200)
		got := make(chan error)
		go func() {
			_, err := a.wait(t.Context(), 100, nil)
			got <- err
		}()
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("did not wait: %v", err)
		default:
		}
		a.give(at)
		if err := <-got; err != nil {
			t.Error(err)
		}
		gone := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		for _, c := range []struct {
			n    int
			do   func()
			want error
		}{
			{257, func() {}, base.ErrInvalid},
			{256, cancel, context.Canceled},
		} {
			c.do()
			if _, err := a.wait(ctx, c.n, gone); !errors.Is(err, c.want) {
				t.Errorf("%d bytes: %v, want %v", c.n, err, c.want)
			}
		}
		close(gone)
		if _, err := a.wait(t.Context(), 256, gone); !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("got %v", err)
		}
	})
}
