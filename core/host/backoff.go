package host

import "time"

// backoff says how long to wait before a restart.
type backoff struct {
	min, max time.Duration
	deaths   int // in a row, without a stable run between them
}

// next counts a death and returns the delay before the next start: none after the first, then
// from half of the full delay to all of it, as random in [0, 1) says. The full delay doubles with
// each death.
func (b *backoff) next(random float64) time.Duration {
	b.deaths++
	if b.deaths == 1 {
		return 0
	}
	full := b.min
	for i := 2; i < b.deaths && full < b.max; i++ {
		full *= 2
	}
	full = min(full, b.max)
	return full/2 + time.Duration(random*float64(full-full/2))
}

// reset forgets the deaths.
func (b *backoff) reset() { b.deaths = 0 }
