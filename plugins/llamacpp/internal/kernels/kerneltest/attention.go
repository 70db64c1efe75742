// Package kerneltest computes single operations through ggml's own graph, so that tests can compare kernels.
package kerneltest

// #include <stdint.h>
// #include <string.h>
// #include "ggml.h"
// #include "ggml-cpu.h"
//
// static void attention(const float * q, const uint16_t * k, const uint16_t * v, const uint16_t * mask, float * out,
//                       int width, int tokens, int cells, int heads, int kv_heads, float scale, int threads) {
//     size_t bytes = 64u << 20;
//     struct ggml_init_params params = { .mem_size = bytes, .mem_buffer = NULL, .no_alloc = false };
//     struct ggml_context * ctx = ggml_init(params);
//     struct ggml_tensor * tq = ggml_new_tensor_3d(ctx, GGML_TYPE_F32, width, tokens, heads);
//     struct ggml_tensor * tk = ggml_new_tensor_3d(ctx, GGML_TYPE_F16, width, cells, kv_heads);
//     struct ggml_tensor * tv = ggml_new_tensor_3d(ctx, GGML_TYPE_F16, width, cells, kv_heads);
//     struct ggml_tensor * tm = ggml_new_tensor_2d(ctx, GGML_TYPE_F16, cells, tokens);
//     memcpy(tq->data, q, ggml_nbytes(tq));
//     memcpy(tk->data, k, ggml_nbytes(tk));
//     memcpy(tv->data, v, ggml_nbytes(tv));
//     memcpy(tm->data, mask, ggml_nbytes(tm));
//     struct ggml_tensor * dst = ggml_flash_attn_ext(ctx, tq, tk, tv, tm, scale, 0.0f, 0.0f);
//     struct ggml_cgraph * graph = ggml_new_graph(ctx);
//     ggml_build_forward_expand(graph, dst);
//     ggml_graph_compute_with_ctx(ctx, graph, threads);
//     memcpy(out, dst->data, ggml_nbytes(dst));
//     ggml_free(ctx);
// }
//
// static void to_f16(const float * from, uint16_t * to, int64_t n) { ggml_fp32_to_fp16_row(from, to, n); }
import "C"

import (
	"unsafe"

	"github.com/ollama/ollama/llama"

	_ "github.com/kakeyad/kakeyad/plugins/llamacpp/internal/relax" // linked with llama.cpp
)

// Shape of an operation. Keys and values have the same width.
type Shape struct {
	Width, Tokens, Cells, Heads, KVHeads, Threads int
}

// Start makes ggml ready. It is called once, before the operations.
func Start() { llama.BackendInit() }

// Attend computes attention over f16 keys and values. q is [heads, tokens, width], k and v [kv_heads, cells, width],
// mask [tokens, cells] with 0 or -Inf; the result is [tokens, heads, width].
func Attend(s Shape, scale float32, q, k, v, mask []float32) []float32 {
	out := make([]float32, s.Tokens*s.Heads*s.Width)
	hk, hv, hm := half(k), half(v), half(mask)
	C.attention(floats(q), words(hk), words(hv), words(hm), floats(out),
		C.int(s.Width), C.int(s.Tokens), C.int(s.Cells), C.int(s.Heads), C.int(s.KVHeads), C.float(scale), C.int(s.Threads))
	return out
}

func half(x []float32) []uint16 {
	out := make([]uint16, len(x))
	C.to_f16(floats(x), words(out), C.int64_t(len(x)))
	return out
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }

func words(x []uint16) *C.uint16_t { return (*C.uint16_t)(unsafe.Pointer(unsafe.SliceData(x))) }
