// Stands where ggml asks for llamafile's matrix product: see doc.go.

#include "product_q4_1.h"
#include "product_q4_k.h"

#include "ggml.h"

extern "C" bool __real_llamafile_sgemm(const ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t,
                                       const void *, int64_t, void *, int64_t, int, int, int);
extern "C" bool __wrap_llamafile_sgemm(const ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t,
                                       const void *, int64_t, void *, int64_t, int, int, int);

#ifdef KAKEYA_AVX2

static bool product(const ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                    const void * b, int64_t ldb, void * c, int64_t ldc, int a_type, int b_type) {
    using namespace kakeya;
    if (a_type == GGML_TYPE_Q4_1 && b_type == GGML_TYPE_Q8_1) {
        q4_1::multiply(params, m, n, (int) k, (const q4_1::weights *) a, lda, (const q4_1::activations *) b, ldb, (float *) c, ldc);
    } else if (a_type == GGML_TYPE_Q4_K && b_type == GGML_TYPE_Q8_K) {
        q4_k::multiply(params, m, n, (int) k, (const q4_k::weights *) a, lda, (const q4_k::activations *) b, ldb, (float *) c, ldc);
    } else {
        return false;
    }
    if (params->ith == 0) {
        kakeya_kernel_count(KAKEYA_PRODUCT);
    }
    return true;
}

#endif

extern "C" bool __wrap_llamafile_sgemm(const ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                                       const void * b, int64_t ldb, void * c, int64_t ldc, int a_type, int b_type, int c_type) {
#ifdef KAKEYA_AVX2
    if (c_type == GGML_TYPE_F32 && kakeya_kernel_enabled(KAKEYA_PRODUCT) &&
        product(params, m, n, k, a, lda, b, ldb, c, ldc, a_type, b_type)) {
        return true;
    }
    // For one column of these types ggml would go another way than for several. Two equal ones go the same way.
    if (n == 1 && (a_type == GGML_TYPE_F16 || a_type == GGML_TYPE_BF16 || a_type == GGML_TYPE_F32)) {
        return __real_llamafile_sgemm(params, m, 2, k, a, lda, b, 0, c, 0, a_type, b_type, c_type);
    }
#endif
    return __real_llamafile_sgemm(params, m, n, k, a, lda, b, ldb, c, ldc, a_type, b_type, c_type);
}
