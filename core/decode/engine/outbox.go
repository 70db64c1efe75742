package engine

import (
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// outbox carries a request's events from the loop, which never waits, to the caller. What the
// caller has not fetched yet is one event: a slow caller gets few large ones.
type outbox struct {
	ready chan struct{} // holds one when the caller is to fetch
	told  time.Time     // when that was last for tokens; the loop's

	mu    sync.Mutex
	full  bool
	text  []byte
	event backend.Event   // to be fetched, without its text
	slab  []backend.Token // that event.Tokens and those of past events are parts of; only appended to
}

// piece is an addition to the event that the caller will fetch next.
type piece struct {
	prompt  *backend.PromptInfo
	drawn   bool // there is a token
	token   backend.Token
	logprob *backend.TokenLogprob
	text    string
	final   *backend.Final
}

const slabTokens = 64

func newOutbox() *outbox { return &outbox{ready: make(chan struct{}, 1)} }

// put adds to the event. The caller learns of it by tell or deliver, or when its request ends.
func (o *outbox) put(p piece) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.full = true
	o.text = append(o.text, p.text...)
	if p.prompt != nil {
		o.event.Prompt = p.prompt
	}
	if p.drawn {
		o.append(p.token)
	}
	if p.logprob != nil {
		o.event.Logprobs = append(o.event.Logprobs, *p.logprob)
	}
	if p.final != nil {
		o.event.Final = p.final
	}
}

// tell has the caller fetch.
func (o *outbox) tell() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// deliver tells the caller of tokens that there are, unless they can wait: it was told of some less than
// apart ago, and more are expected within that time, soon from now. So the first never waits. A nil
// outbox has nobody to tell.
func (o *outbox) deliver(now time.Time, soon, apart time.Duration) {
	if o == nil || !o.holdsTokens() || now.Sub(o.told) < apart-soon {
		return
	}
	o.told = now
	o.tell()
}

func (o *outbox) holdsTokens() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.event.Tokens) > 0
}

// append lengthens event.Tokens, which begins where the last event's ended.
func (o *outbox) append(t backend.Token) {
	held := len(o.event.Tokens)
	if len(o.slab) == cap(o.slab) {
		o.slab = append(make([]backend.Token, 0, max(slabTokens, 2*held)), o.event.Tokens...)
	}
	o.slab = append(o.slab, t)
	n := len(o.slab)
	o.event.Tokens = o.slab[n-held-1 : n : n]
}

// fetch takes the event. False: there is none.
func (o *outbox) fetch() (backend.Event, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.full {
		return backend.Event{}, false
	}
	e := o.event
	e.Text = string(o.text)
	o.full, o.text, o.event = false, o.text[:0], backend.Event{}
	return e, true
}
