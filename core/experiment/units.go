package experiment

import (
	"hash/maphash"
	"time"
)

// Window is how long a unit is watched, from its first request.
const Window = 30 * time.Minute

// maxUnits is how many units are remembered, those that are watched and those that were.
const maxUnits = 8192

// figures are what is counted of a unit.
type figures struct {
	arm        Arm
	split      float64 // by which the arm was drawn
	firstToken Mean    // of logarithms of seconds
	rate       Mean    // of logarithms of tokens/s
	failed     Share
}

// units watches sessions and users. The zero value is ready.
type units struct {
	seed  maphash.Seed
	known map[uint64]*unit
	order []uint64 // in which they came; those that are watched stand after those that were
	past  int      // how many of order are watched no more
}

type unit struct {
	figures
	opened time.Time
}

// of returns the figures of a unit that is watched; nil when it was, or when its arm is another now.
// done is told of the units whose time is over.
func (u *units) of(key string, arm Arm, split float64, now time.Time, done func(*figures)) *figures {
	u.expire(now, done)
	if u.known == nil {
		u.seed, u.known = maphash.MakeSeed(), map[uint64]*unit{}
	}
	id := maphash.String(u.seed, key)
	if one, ok := u.known[id]; ok {
		if one == nil || one.arm != arm {
			return nil
		}
		return &one.figures
	}
	if len(u.order) == maxUnits {
		u.forget(done)
	}
	one := &unit{figures: figures{arm: arm, split: split}, opened: now}
	u.known[id] = one
	u.order = append(u.order, id)
	return &one.figures
}

// expire ends the watching of units whose time is over.
func (u *units) expire(now time.Time, done func(*figures)) {
	for u.past < len(u.order) && now.Sub(u.known[u.order[u.past]].opened) >= Window {
		u.close(done)
	}
}

// end ends the watching of all units and forgets them.
func (u *units) end(done func(*figures)) {
	for u.past < len(u.order) {
		u.close(done)
	}
	*u = units{}
}

// close ends the watching of the unit that came first.
func (u *units) close(done func(*figures)) {
	id := u.order[u.past]
	done(&u.known[id].figures)
	u.known[id] = nil
	u.past++
}

// forget makes room for a unit.
func (u *units) forget(done func(*figures)) {
	if u.past == 0 {
		u.close(done)
	}
	delete(u.known, u.order[0])
	u.order = append(u.order[:0], u.order[1:]...)
	u.past--
}

// watched is how many units are.
func (u *units) watched() int { return len(u.order) - u.past }
