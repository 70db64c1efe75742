// Package matmultest computes one matrix product through ggml's own graph, so that tests can compare kernels.
package matmultest

// #include <string.h>
// #include <stdint.h>
// #include "ggml.h"
// #include "ggml-cpu.h"
//
// static void multiply(const float * a, const float * x, float * out, float * kept, int width, int rows, int columns, int threads) {
//     struct ggml_init_params params = { .mem_size = 256u << 20, .mem_buffer = NULL, .no_alloc = false };
//     struct ggml_context * ctx = ggml_init(params);
//     struct ggml_tensor * ta = ggml_new_tensor_2d(ctx, GGML_TYPE_Q4_1, width, rows);
//     struct ggml_tensor * tx = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, width, columns);
//     ggml_quantize_chunk(GGML_TYPE_Q4_1, a, ta->data, 0, rows, width, NULL);
//     ggml_get_type_traits(GGML_TYPE_Q4_1)->to_float(ta->data, kept, (int64_t) width * rows);
//     memcpy(tx->data, x, ggml_nbytes(tx));
//     struct ggml_tensor * dst = ggml_mul_mat(ctx, ta, tx);
//     struct ggml_cgraph * graph = ggml_new_graph(ctx);
//     ggml_build_forward_expand(graph, dst);
//     ggml_graph_compute_with_ctx(ctx, graph, threads);
//     memcpy(out, dst->data, ggml_nbytes(dst));
//     ggml_free(ctx);
// }
import "C"

import (
	"unsafe"

	"github.com/ollama/ollama/llama"

	_ "github.com/kakeyad/kakeyad/plugins/llamacpp/internal/relax" // linked with llama.cpp
)

// Start makes ggml ready. It is called once, before Multiply.
func Start() { llama.BackendInit() }

// Multiply quantises a [rows, width] to Q4_1 and returns x aᵀ, [columns, rows] for x [columns, width], and the
// weights as they were kept.
func Multiply(a, x []float32, width, threads int) (product, kept []float32) {
	rows, columns := len(a)/width, len(x)/width
	product, kept = make([]float32, rows*columns), make([]float32, len(a))
	C.multiply(floats(a), floats(x), floats(product), floats(kept), C.int(width), C.int(rows), C.int(columns), C.int(threads))
	return product, kept
}

func floats(x []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(x))) }
