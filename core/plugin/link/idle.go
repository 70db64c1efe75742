package link

import "sync"

// idle are the lanes that nobody holds. The one given back last is lent first: its thread at the
// other end has just run, and its memory is near.
type idle struct {
	tokens chan struct{} // one for each of calls

	mu    sync.Mutex
	calls []*Call
}

func newIdle(lanes int) *idle {
	return &idle{tokens: make(chan struct{}, lanes)}
}

// put gives a lane back.
func (i *idle) put(k *Call) {
	i.mu.Lock()
	i.calls = append(i.calls, k)
	i.mu.Unlock()
	i.tokens <- struct{}{}
}

// pop is for who has received a token.
func (i *idle) pop() *Call {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.calls) - 1
	k := i.calls[last]
	i.calls = i.calls[:last]
	return k
}
