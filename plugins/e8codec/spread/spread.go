// Package spread divides loops over the processors.
package spread

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Over calls work for consecutive ranges [lo, hi) that together are [0, n), at most grain long,
// from as many goroutines as there are processors, and waits for all of them. It answers with the
// error of the lowest range that failed; ranges after a failed one may not have been worked on.
// With one range or one processor everything runs in the caller's goroutine.
func Over(n, grain int, work func(lo, hi int) error) error {
	ranges := (n + grain - 1) / grain
	workers := min(runtime.GOMAXPROCS(0), ranges)
	if workers <= 1 {
		for lo := 0; lo < n; lo += grain {
			if err := work(lo, min(lo+grain, n)); err != nil {
				return err
			}
		}
		return nil
	}
	var (
		next   atomic.Int64
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed = ranges
		first  error
	)
	run := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= ranges {
				return
			}
			if err := work(i*grain, min((i+1)*grain, n)); err != nil {
				mu.Lock()
				if i < failed {
					failed, first = i, err
				}
				mu.Unlock()
				next.Store(int64(ranges))
			}
		}
	}
	for range workers - 1 {
		wait.Go(run)
	}
	run()
	wait.Wait()
	return first
}
