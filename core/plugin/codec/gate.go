package codec

import "sync"

// Gate lets calls into a stream until it is closed: a codec's [Stream] embeds it and has its Close. The zero
// value is open.
type Gate struct {
	use    sync.RWMutex // held for reading by calls, for writing by Close
	closed bool
}

// Enter lets a call in, which calls leave when it is over. ErrClosed: the gate is closed.
func (g *Gate) Enter() (leave func(), err error) {
	g.use.RLock()
	if g.closed {
		g.use.RUnlock()
		return nil, ErrClosed
	}
	return g.use.RUnlock, nil
}

// Close implements [Stream]: it waits for the calls that are in.
func (g *Gate) Close() error {
	g.use.Lock()
	defer g.use.Unlock()
	g.closed = true
	return nil
}
