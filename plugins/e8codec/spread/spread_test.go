package spread

import (
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOverVisitsEveryIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 1000} {
		seen := make([]atomic.Int32, n)
		err := Over(n, 8, func(lo, hi int) error {
			if hi-lo > 8 || hi <= lo {
				t.Errorf("range [%d, %d)", lo, hi)
			}
			for i := lo; i < hi; i++ {
				seen[i].Add(1)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range seen {
			if got := seen[i].Load(); got != 1 {
				t.Fatalf("n=%d: index %d visited %d times", n, i, got)
			}
		}
	}
}

func TestOverAnswersWithTheLowestError(t *testing.T) {
	low, high := errors.New("low"), errors.New("high")
	for range 200 {
		reached := make(chan struct{})
		err := Over(2, 1, func(lo, _ int) error {
			if lo == 1 {
				close(reached)
				return high
			}
			return low
		})
		select {
		case <-reached:
		default:
		}
		if !errors.Is(err, low) {
			t.Fatalf("got %v", err)
		}
	}
}
