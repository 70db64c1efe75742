package router

import (
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/session"
)

// worth decides whether what is kept of a prompt is restored or computed again: whichever is
// quicker, from how long both took before. The zero value is ready.
type worth struct {
	mu      sync.Mutex
	restore rate // of a page
	compute rate // of a page's tokens
	passed  int  // times since restoring was last tried
}

const (
	// retryRestore is after how many prompts that were computed, because that was quicker,
	// restoring is tried again: pages may lie in memory now, or the machine may be less busy.
	retryRestore = 32

	// fewestComputed is how many tokens must have been computed for the time to say something.
	fewestComputed = 32
)

// restoring says whether pages should be restored now.
func (w *worth) restoring() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.restore.known || !w.compute.known || w.restore.mean < w.compute.mean {
		return true
	}
	if w.passed++; w.passed < retryRestore {
		return false
	}
	w.passed = 0
	return true
}

// restored notes how long it took to restore pages. When there were none the backend had them all.
func (w *worth) restored(pages int, took time.Duration) {
	if pages == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restore.note(took / time.Duration(pages))
}

// computed notes how long it took to compute tokens of a prompt.
func (w *worth) computed(tokens int, took time.Duration) {
	if tokens < fewestComputed || took <= 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compute.note(took * session.PageTokens / time.Duration(tokens))
}

// computed notes what an answer says of computing its prompt. A model that does not park has no use
// for it.
func (s *shelf) computed(f *backend.Final) {
	if s != nil {
		s.worth.computed(f.PromptTokens-f.CachedTokens, f.Timings.Prefill)
	}
}

// rate is a mean in which what came last counts most.
type rate struct {
	mean  time.Duration
	known bool
}

func (r *rate) note(d time.Duration) {
	if !r.known {
		r.mean, r.known = d, true
		return
	}
	r.mean += (d - r.mean) / 4
}
