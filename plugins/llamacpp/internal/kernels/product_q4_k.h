// Q4_K weights times Q8_K activations: see doc.go.
//
// A block of 256 weights is eight runs of 32 with w = d a_j q - m b_j: 4-bit q, 6-bit a and b. A block of 256 activations is
// x = e p with 8-bit p, and the sums of 16 of them each are stored with it. So a block's part of a dot product is
// d e Σ_j a_j Σ q p - m e Σ_j b_j Σ p, where both sums over j are integers.
#pragma once

#include "op.h"

#ifdef KAKEYA_AVX2

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kakeya {
namespace q4_k {

constexpr int BLOCK = 256; // numbers of a block
constexpr int RUNS  = 8;   // of a block, with a scale each
constexpr int PANEL = 64;  // columns that are worked through together: they stay in the cache while rows pass
constexpr int GROUP = 4;   // columns that share what was loaded of a row

// The blocks as ggml stores them.
struct weights { // Q4_K
    uint16_t d, m;
    uint8_t  scales[12];       // a and b
    uint8_t  q[BLOCK / 2];     // run 2i in the low halves of bytes 32i.., run 2i+1 in the high ones
};
struct activations { // Q8_K
    float   e;
    int8_t  p[BLOCK];
    int16_t sums[BLOCK / 16];
};
static_assert(sizeof(weights) == 144 && sizeof(activations) == 292, "as ggml stores them");

// A block of weights, unpacked.
struct block {
    uint8_t q[BLOCK];
    int16_t a[RUNS];
    int16_t b[2 * RUNS]; // each twice, beside the two sums of its run
    float   d, m;
};

inline void unpack(const weights & w, block & to) {
    const __m256i low = _mm256_set1_epi8(15);
    for (int i = 0; i < RUNS / 2; i++) {
        const __m256i q = _mm256_loadu_si256((const __m256i *) (w.q + 32 * i));
        _mm256_storeu_si256((__m256i *) (to.q + 64 * i), _mm256_and_si256(q, low));
        _mm256_storeu_si256((__m256i *) (to.q + 64 * i + 32), _mm256_and_si256(_mm256_srli_epi16(q, 4), low));
    }
    const uint8_t * s = w.scales;
    for (int j = 0; j < RUNS; j++) {
        to.a[j]     = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
        to.b[2 * j] = to.b[2 * j + 1] = j < 4 ? s[j + 4] & 63 : (s[j + 4] >> 4) | (s[j] >> 6) << 4;
    }
    to.d = _cvtsh_ss(w.d);
    to.m = _cvtsh_ss(w.m);
}

// Several columns of one row. Each result comes of the same operations in the same order, whatever COLS is.
template <int COLS> void row(const block * a, const activations * x, int64_t ldx, int blocks, float * out, int64_t ldc) {
    __m256 acc[COLS], shift[COLS];
    for (int c = 0; c < COLS; c++) {
        acc[c] = shift[c] = _mm256_setzero_ps();
    }
    for (int i = 0; i < blocks; i++) {
        const block & w = a[i];
        __m256i dots[COLS];
        for (int c = 0; c < COLS; c++) {
            dots[c] = _mm256_setzero_si256();
        }
        for (int j = 0; j < RUNS; j++) {
            const __m256i q = _mm256_loadu_si256((const __m256i *) (w.q + 32 * j)), scale = _mm256_set1_epi16(w.a[j]);
            for (int c = 0; c < COLS; c++) {
                const __m256i p = _mm256_loadu_si256((const __m256i *) (x[c * ldx + i].p + 32 * j));
                dots[c] = _mm256_add_epi32(dots[c], _mm256_madd_epi16(scale, _mm256_maddubs_epi16(q, p)));
            }
        }
        const __m256i b = _mm256_loadu_si256((const __m256i *) w.b);
        for (int c = 0; c < COLS; c++) {
            const activations & y = x[c * ldx + i];
            const __m256i sums = _mm256_madd_epi16(b, _mm256_loadu_si256((const __m256i *) y.sums));
            acc[c]   = _mm256_fmadd_ps(_mm256_set1_ps(w.d * y.e), _mm256_cvtepi32_ps(dots[c]), acc[c]);
            shift[c] = _mm256_fmadd_ps(_mm256_set1_ps(w.m * y.e), _mm256_cvtepi32_ps(sums), shift[c]);
        }
    }
    for (int c = 0; c < COLS; c++) {
        out[c * ldc] = kakeya_sum(_mm256_sub_ps(acc[c], shift[c]));
    }
}

// Computes this thread's share of c[n][m] = x[n] a[m]^T: whole rows of weights.
inline void multiply(const ggml_compute_params * params, int64_t m, int64_t n, int blocks, const weights * a, int64_t lda,
                     const activations * x, int64_t ldx, float * c, int64_t ldc) {
    static thread_local std::vector<block> unpacked;
    unpacked.resize(blocks);
    const int64_t from = m * params->ith / params->nth, to = m * (params->ith + 1) / params->nth;
    for (int64_t panel = 0; panel < n; panel += PANEL) {
        const int64_t end = std::min(n, panel + PANEL);
        for (int64_t r = from; r < to; r++) {
            for (int i = 0; i < blocks; i++) {
                unpack(a[r * lda + i], unpacked[i]);
            }
            for (int64_t col = panel; col < end; col += GROUP) {
                const activations * y = x + col * ldx;
                float * out = c + col * ldc + r;
                switch (std::min<int64_t>(GROUP, end - col)) {
                    case 4:  row<4>(unpacked.data(), y, ldx, blocks, out, ldc); break;
                    case 3:  row<3>(unpacked.data(), y, ldx, blocks, out, ldc); break;
                    case 2:  row<2>(unpacked.data(), y, ldx, blocks, out, ldc); break;
                    default: row<1>(unpacked.data(), y, ldx, blocks, out, ldc);
                }
            }
        }
    }
}

} // namespace q4_k
} // namespace kakeya

#endif
