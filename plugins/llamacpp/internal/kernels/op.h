// What our replacements of ggml's CPU operations share.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kakeya_kernel { KAKEYA_ATTENTION, KAKEYA_PRODUCT, KAKEYA_ROWS, KAKEYA_KERNELS };

#ifdef __cplusplus
extern "C" {
#endif

// Switches a kernel on or off for the whole process. All are on at start.
void kakeya_kernel_enable(int kernel, bool on);

bool kakeya_kernel_enabled(int kernel);

// Counts an operation that a kernel has computed.
void kakeya_kernel_count(int kernel);

// The operations that a kernel has computed.
int64_t kakeya_kernel_calls(int kernel);

#ifdef __cplusplus
}
#endif

// ggml's own parameters of an operation (ggml-cpu-impl.h, which is no public header). Checked by the tests that compare
// a kernel with ggml's: a layout that differs gives wrong answers there.
struct ggml_compute_params {
    int ith, nth;
    size_t wsize;
    void * wdata;
    struct ggml_threadpool * threadpool;
};

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#define KAKEYA_AVX2 1
#define KAKEYA_EXACT 1

#include <immintrin.h>

// The sum of eight lanes, always added up in the same order.
static inline float kakeya_sum(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

#else
#define KAKEYA_EXACT 0
#endif
