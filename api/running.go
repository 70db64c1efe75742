package api

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/api/openai"
)

const pathRequests = "/v1/kakeya/requests"

// running are the requests that generate, or wait to. The zero value is ready.
type running struct {
	mu  sync.Mutex
	all map[*exchange]string // the id of the answer, "" until there is one
}

// add takes a request in until forget is called.
func (r *running) add(x *exchange) (forget func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[*exchange]string{}
	}
	r.all[x] = ""
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.all, x)
	}
}

// name says what the answer to a request is called.
func (r *running) name(x *exchange, answer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[x] = answer
}

// count is how many there are.
func (r *running) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// cancel ends the requests of an id, of their own or of their answer, and says how many there were.
func (r *running) cancel(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for x, answer := range r.all {
		if x.id == id || answer == id {
			x.cancel(errCancelled)
			n++
		}
	}
	return n
}

// runningRequest is what is told of one.
type runningRequest struct {
	ID      string  `json:"id"`
	Answer  string  `json:"answer,omitempty"`
	Path    string  `json:"path"`
	Model   string  `json:"model"`
	Seconds float64 `json:"seconds"`
}

func (r *running) list(now time.Time) []runningRequest {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]runningRequest, 0, len(r.all))
	for x, answer := range r.all {
		out = append(out, runningRequest{ID: x.id, Answer: answer, Path: x.path, Model: x.asked, Seconds: now.Sub(x.began).Seconds()})
	}
	slices.SortFunc(out, func(a, b runningRequest) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return out
}

// requests is GET /v1/kakeya/requests.
func (s *Server) requests(x *exchange) error {
	return encode(x, struct {
		Requests []runningRequest `json:"requests"`
	}{s.running.list(time.Now())})
}

// cancelRequest is DELETE /v1/kakeya/requests/{id} and POST /v1/kakeya/requests/{id}/cancel.
func (s *Server) cancelRequest(x *exchange) error {
	id := strings.TrimSuffix(strings.TrimPrefix(x.path, pathRequests+"/"), "/cancel")
	n := s.running.cancel(id)
	if n == 0 {
		return &openai.Error{Status: 404, Type: openai.TypeInvalid, Code: "request_not_found", Message: "no such request is running"}
	}
	return encode(x, struct {
		ID        string `json:"id"`
		Cancelled int    `json:"cancelled"`
	}{id, n})
}
