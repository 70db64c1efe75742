package binding

// #include <stdlib.h>
// #include "llama.h"
// #include "ggml-cpu.h"
// static struct ggml_threadpool *new_pool(int n, uint32_t poll) {
//     struct ggml_threadpool_params p = ggml_threadpool_params_default(n);
//     p.poll = poll;
//     return ggml_threadpool_new(&p);
// }
import "C"

import "errors"

// Pool is a set of threads that compute graphs, the caller's own thread among them. Contexts may
// share one if they compute one at a time.
type Pool struct{ c *C.struct_ggml_threadpool }

// MaxThreads is the most threads of a Pool.
const MaxThreads = C.GGML_MAX_N_THREADS

// NewPool starts threads-1 threads. Poll, from 0 to 100, says how long they spin for the next
// graph before they sleep.
func NewPool(threads, poll int) (*Pool, error) {
	c := C.new_pool(C.int(threads), C.uint32_t(poll))
	if c == nil {
		return nil, errors.New("cannot start the threads")
	}
	return &Pool{c}, nil
}

// Free ends the threads and waits for them.
func (p *Pool) Free() { C.ggml_threadpool_free(p.c) }
