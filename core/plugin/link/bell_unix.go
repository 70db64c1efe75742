//go:build unix && !linux

package link

const defaultBell = BellSocket

func (b Bell) known() bool { return b == BellSocket }

// newFutexBell is not reached: the bell is not known here.
func newFutexBell(*lane) bell { return nil }
