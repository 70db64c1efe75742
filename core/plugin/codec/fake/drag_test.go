package fake

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	for _, c := range []struct {
		since time.Duration
		share float64
		want  time.Duration
	}{
		{10 * time.Millisecond, 0.05, 500 * time.Microsecond},
		{10 * time.Millisecond, 1, 10 * time.Millisecond},
		{0, 0.05, 0},
		{idle, 0.05, 0},
	} {
		if got := due(c.since, c.share); got != c.want {
			t.Errorf("%v after the last, by %v: %v, not %v", c.since, c.share, got, c.want)
		}
	}
}

// A call is held up at least as long as is due, and not at all without a share.
func TestPull(t *testing.T) {
	var d drag
	d.pull(0)
	if d.last.Load() != 0 {
		t.Error("without a share the clock is looked at")
	}
	d.pull(1)
	first := d.last.Load()
	for time.Duration(d.last.Load()-first) < time.Millisecond {
		before := d.last.Load()
		arrived := int64(time.Since(clock))
		d.pull(1)
		if after := d.last.Load(); arrived-before < int64(idle) && after-arrived < arrived-before {
			t.Fatalf("came %d ns after the last, was held up for %d", arrived-before, after-arrived)
		}
	}
}
