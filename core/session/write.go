package session

import (
	"errors"
	"time"
)

// retryAfter is how long removals wait that could not be written.
const retryAfter = time.Second

// work is a commit on its way.
type work struct {
	batch
	nodes []*node // of batch.put
	taken int64   // from the queue
}

// write is the goroutine that changes the backing, until the store is closed and all is written.
func (s *Store) write() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for s.step() {
		}
		s.mu.Lock()
		if s.closed && !s.due() {
			s.shut = true
			s.tell()
			s.mu.Unlock()
			return
		}
		next := s.next()
		s.mu.Unlock()
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// step makes one commit, if there is anything to write.
func (s *Store) step() bool {
	s.mu.Lock()
	if s.broken {
		s.rebuild()
	}
	s.expire(time.Now())
	if !s.due() {
		s.mu.Unlock()
		return false
	}
	w := s.assemble()
	s.mu.Unlock()

	err := s.back.commit(w.batch)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.settle(w)
	} else {
		s.fail(w, err)
	}
	s.writtenN += w.taken
	s.done++
	s.tell()
	return true
}

// due says whether a commit should be made now.
func (s *Store) due() bool {
	removals := len(s.doomed) > 0 && (s.closed || !time.Now().Before(s.retry))
	return len(s.queue) > 0 || removals || s.asked > s.begun
}

// next is when the writer has to look again by itself, or zero.
func (s *Store) next() time.Time {
	var at time.Time
	if top := s.index.leaves.top(); top != nil && s.options.TTL > 0 {
		at = time.Unix(0, top.used).Add(s.options.TTL)
	}
	if len(s.doomed) > 0 && (at.IsZero() || s.retry.Before(at)) {
		at = s.retry
	}
	return at
}

// assemble takes pages off the queue, as many as a commit should write, and makes room for them.
func (s *Store) assemble() work {
	var w work
	s.begun++
	limit := s.back.batch()
	for bytes := int64(0); len(s.queue) > 0; {
		n := s.queue[0]
		if bytes += int64(n.size); bytes > limit && w.taken > 0 {
			break
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
		w.taken++
		if n.state != gone && !s.makeRoom(n) {
			s.forget(n, &s.counts.Rejected)
		}
		if n.state == gone {
			s.queued -= int64(n.size)
			continue
		}
		w.nodes = append(w.nodes, n)
		w.put = append(w.put, n.page)
		w.index = append(w.index, n.entry)
		delete(s.used, n)
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	for n := range s.used {
		if n.state == stored {
			w.index = append(w.index, n.entry)
			delete(s.used, n)
		}
	}
	for k := range s.doomed {
		w.remove = append(w.remove, k)
	}
	clear(s.doomed)
	return w
}

// makeRoom evicts, and admits the page if it fits then.
func (s *Store) makeRoom(n *node) bool {
	cost, room := s.back.cost(&n.entry), s.back.room()
	if cost > room {
		return false
	}
	for s.index.used+cost > room {
		victim := s.index.leaves.top()
		if victim == nil {
			return false
		}
		s.forget(victim, &s.counts.Evicted)
	}
	s.index.admit(n, cost)
	return true
}

// settle notes that a commit was made. Pages that were dropped meanwhile are doomed already.
func (s *Store) settle(w work) {
	for _, n := range w.nodes {
		s.queued -= int64(n.size)
		if n.state == gone {
			continue
		}
		if s.ram != nil {
			s.ram.Set(n.id, n.page.data, int64(n.size))
		}
		s.index.settle(n)
	}
}

// fail drops the pages of a commit that was not made.
func (s *Store) fail(w work, err error) {
	s.counts.WriteFailures++
	s.failed = err
	s.log.Error("page store: write failed; the pages are dropped", "pages", len(w.nodes), "err", err)
	for _, n := range w.nodes {
		s.queued -= int64(n.size)
		if n.state != gone {
			s.forget(n, &s.counts.Rejected)
		}
	}
	s.broken = s.broken || errors.Is(err, errBroken)
	if s.closed {
		clear(s.doomed)
		return
	}
	for _, k := range w.remove {
		s.doomed[k] = struct{}{}
	}
	s.retry = time.Now().Add(retryAfter)
}

// rebuild makes the backing anew when nothing in it can be trusted.
func (s *Store) rebuild() {
	s.broken = false
	before := s.counts.Damaged
	for _, g := range s.index.groups {
		for g.roots != nil {
			s.forget(g.roots, &s.counts.Damaged)
		}
	}
	clear(s.doomed)
	err := s.back.reset()
	s.log.Error("page store: the file is damaged; it is made anew", "pages", s.counts.Damaged-before, "err", err)
}

// forget drops a page and all after it, and counts them.
func (s *Store) forget(n *node, count *int64) {
	s.index.remove(n, func(n *node) {
		*count++
		delete(s.used, n)
		if n.cost == 0 {
			return // the backing never saw it
		}
		s.doomed[n.key] = struct{}{}
		if n.state == stored && s.ram != nil {
			s.ram.Del(n.id)
		}
	})
	s.poke()
}

// expire drops pages that were not used for too long.
func (s *Store) expire(now time.Time) {
	if s.options.TTL == 0 {
		return
	}
	oldest := now.Add(-s.options.TTL).UnixNano()
	for n := s.index.leaves.top(); n != nil && n.used <= oldest; n = s.index.leaves.top() {
		s.forget(n, &s.counts.Expired)
	}
}

// touch notes a use of a run of pages.
func (s *Store) touch(run []*node, now time.Time) {
	s.index.touch(run, now)
	for _, n := range run {
		s.used[n] = struct{}{}
	}
}
