package kerneltest

// #include <string.h>
// #include <stdint.h>
// #include "ggml.h"
// #include "ggml-cpu.h"
//
// static void multiply(int type, const float * a, const float * x, float * out, float * kept, int width, int rows, int columns, int threads) {
//     struct ggml_init_params params = { .mem_size = 256u << 20, .mem_buffer = NULL, .no_alloc = false };
//     struct ggml_context * ctx = ggml_init(params);
//     struct ggml_tensor * ta = ggml_new_tensor_2d(ctx, (enum ggml_type) type, width, rows);
//     struct ggml_tensor * tx = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, width, columns);
//     ggml_quantize_chunk((enum ggml_type) type, a, ta->data, 0, rows, width, NULL);
//     ggml_get_type_traits((enum ggml_type) type)->to_float(ta->data, kept, (int64_t) width * rows);
//     memcpy(tx->data, x, ggml_nbytes(tx));
//     struct ggml_tensor * dst = ggml_mul_mat(ctx, ta, tx);
//     struct ggml_cgraph * graph = ggml_new_graph(ctx);
//     ggml_build_forward_expand(graph, dst);
//     ggml_graph_compute_with_ctx(ctx, graph, threads);
//     memcpy(out, dst->data, ggml_nbytes(dst));
//     ggml_free(ctx);
// }
import "C"

// Types of weights, as ggml numbers them.
const (
	F16  = int(C.GGML_TYPE_F16)
	Q4_0 = int(C.GGML_TYPE_Q4_0)
	Q4_1 = int(C.GGML_TYPE_Q4_1)
	Q5_0 = int(C.GGML_TYPE_Q5_0)
	Q5_1 = int(C.GGML_TYPE_Q5_1)
	Q8_0 = int(C.GGML_TYPE_Q8_0)
	Q4_K = int(C.GGML_TYPE_Q4_K)
	Q6_K = int(C.GGML_TYPE_Q6_K)
)

// Multiply quantises a [rows, width] to a type and returns x aᵀ, [columns, rows] for x [columns, width], and the
// weights as they were kept.
func Multiply(kind int, a, x []float32, width, threads int) (product, kept []float32) {
	rows, columns := len(a)/width, len(x)/width
	product, kept = make([]float32, rows*columns), make([]float32, len(a))
	C.multiply(C.int(kind), floats(a), floats(x), floats(product), floats(kept), C.int(width), C.int(rows), C.int(columns), C.int(threads))
	return product, kept
}
