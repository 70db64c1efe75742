package binding

// #cgo CXXFLAGS: -std=c++17
// #include "llama.h"
// #include "interrupt.h"
// #include "inner.h"
// #include "taps.h"
// static void set_interrupt(struct llama_context_params *p, kakeya_interrupt *i) {
//     p->abort_callback = kakeya_interrupted;
//     p->abort_callback_data = i;
// }
// static void set_taps(struct llama_context_params *p, kakeya_taps *t) {
//     p->cb_eval = kakeya_taps_eval;
//     p->cb_eval_user_data = t;
// }
// static void attach(struct llama_context *c, struct ggml_threadpool *p) {
//     llama_attach_threadpool(c, p, p);
// }
import "C"

import (
	"fmt"
	"unsafe"
)

// FlashAttention says which attention kernel to use.
type FlashAttention int

// Attention kernels. Auto is on wherever the device can.
const (
	FlashAuto FlashAttention = C.LLAMA_FLASH_ATTN_TYPE_AUTO
	FlashOff  FlashAttention = C.LLAMA_FLASH_ATTN_TYPE_DISABLED
	FlashOn   FlashAttention = C.LLAMA_FLASH_ATTN_TYPE_ENABLED
)

// KVType is the number format of cached keys or values.
type KVType int

// Formats of a KV cache.
const (
	KVF16 KVType = C.GGML_TYPE_F16
	KVQ8  KVType = C.GGML_TYPE_Q8_0
	KVQ4  KVType = C.GGML_TYPE_Q4_0
)

// ContextParams say how a model is run.
type ContextParams struct {
	Cells      int // KV cells, shared by all sequences
	Batch      int // most tokens of one Decode
	Sequences  int
	Threads    int
	Pool       *Pool
	Flash      FlashAttention
	K, V       KVType
	Embeddings bool       // Decode computes hidden states where logits are asked for
	Interrupt  *Interrupt // ends a running Decode; it outlives the context
	Taps       *Taps      // look into running steps; nil: none
}

// Context is a model's KV cache and work buffers.
type Context struct {
	c         *C.struct_llama_context
	memory    C.llama_memory_t
	batch     batch
	taps      *Taps
	vocab     int
	embedding int
}

// NewContext allocates the cache and the work buffers. The error has llama.cpp's own reason.
func NewContext(m *Model, params ContextParams) (*Context, error) {
	p := C.llama_context_default_params()
	p.n_ctx = C.uint32_t(params.Cells)
	p.n_batch = C.uint32_t(params.Batch)
	p.n_ubatch = C.uint32_t(params.Batch)
	p.n_seq_max = C.uint32_t(params.Sequences)
	p.n_threads = C.int32_t(params.Threads)
	p.n_threads_batch = C.int32_t(params.Threads)
	p.pooling_type = C.LLAMA_POOLING_TYPE_NONE
	p.flash_attn_type = C.enum_llama_flash_attn_type(params.Flash)
	p.type_k = C.enum_ggml_type(params.K)
	p.type_v = C.enum_ggml_type(params.V)
	p.embeddings = C.bool(params.Embeddings)
	p.no_perf = true
	p.swa_full = true
	p.kv_unified = true

	if params.Interrupt != nil {
		C.set_interrupt(&p, params.Interrupt.c)
	}
	if params.Taps != nil {
		C.set_taps(&p, params.Taps.c)
	}
	c := &Context{taps: params.Taps, vocab: m.VocabularySize(), embedding: int(C.llama_model_n_embd(m.c))}
	errorsBefore := errorLines()
	if c.c = C.llama_init_from_model(m.c, p); c.c == nil {
		return nil, fmt.Errorf("llama.cpp: %s", whyFailed(errorsBefore))
	}
	c.memory = C.llama_get_memory(c.c)
	c.batch = newBatch(int(C.llama_n_batch(c.c)))
	if params.Pool != nil {
		C.attach(c.c, params.Pool.c)
	}
	return c, nil
}

// Free returns the context's memory.
func (c *Context) Free() {
	C.kakeya_free_context(c.c)
	c.batch.free()
}

// Cells is the size of the cache: at least what was asked for.
func (c *Context) Cells() int { return int(C.llama_n_ctx(c.c)) }

// Batch is the most tokens of one Decode: at most what was asked for.
func (c *Context) Batch() int { return int(C.llama_n_batch(c.c)) }

// HasCache says whether the model keeps a KV cache; encoders do not.
func (c *Context) HasCache() bool { return c.memory != nil }

// SetWarmup makes Decode touch all weights, those of idle experts too.
func (c *Context) SetWarmup(on bool) { C.llama_set_warmup(c.c, C.bool(on)) }

// Memory counts the bytes of all buffers on all devices.
type Memory struct{ Weights, Cache, Compute int64 }

// Memory counts the bytes of the context's and its model's buffers.
func (c *Context) Memory() Memory {
	m := C.kakeya_memory_of(c.c)
	return Memory{Weights: int64(m.weights), Cache: int64(m.cache), Compute: int64(m.compute)}
}

// Logits returns those of the n-th output of the last Decode, [vocabulary]. The slice is
// llama.cpp's own and lives until the next Decode.
func (c *Context) Logits(n int) []float32 {
	base := C.llama_get_logits(c.c)
	if base == nil {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(base), n*c.vocab*4)), c.vocab)
}

// Hidden returns the last hidden state at the i-th token of the last Decode, which must have been
// an output, [embedding], of a context with Embeddings. The slice is llama.cpp's own and lives
// until the next Decode.
func (c *Context) Hidden(i int) []float32 {
	base := C.llama_get_embeddings_ith(c.c, C.int32_t(i))
	if base == nil {
		return nil
	}
	return unsafe.Slice((*float32)(base), c.embedding)
}
