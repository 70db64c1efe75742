// Q4_1 weights times Q8_1 activations: see doc.go.
//
// A block of 32 weights is w = d q + m with 4-bit q, a block of 32 activations is x = e p with 8-bit p, and s = e Σp is
// stored with it. So the dot product of a row and a column is Σ_blocks d e Σ q p + Σ_blocks m s.
#pragma once

#include "op.h"

#ifdef KAKEYA_AVX2

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kakeya {
namespace q4_1 {

constexpr int BLOCK = 32; // numbers of a block
constexpr int PANEL = 64; // columns that are worked through together: they stay in the cache while rows pass
constexpr int GROUP = 4;  // columns of a tile

// The blocks as ggml stores them.
struct weights { // Q4_1
    uint16_t d, m;
    uint8_t  q[BLOCK / 2]; // number i in the low half of byte i, number i+16 in the high half
};
struct activations { // Q8_1
    uint16_t e, s;
    int8_t   p[BLOCK];
};
static_assert(sizeof(weights) == 20 && sizeof(activations) == 36, "as ggml stores them");

// The two scales of a block as floats, in the two lowest lanes.
template <typename block> __m128 scales(const block * b) {
    int32_t pair;
    memcpy(&pair, b, sizeof pair);
    return _mm_cvtph_ps(_mm_cvtsi32_si128(pair));
}

inline __m256i unpack(const weights & w) {
    const __m128i q = _mm_loadu_si128((const __m128i *) w.q);
    return _mm256_and_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1), _mm256_set1_epi8(15));
}

inline __m256 dot(__m256i q, __m256i p) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_cvtepi32_ps(_mm256_dpbusd_epi32(_mm256_setzero_si256(), q, p));
#else
    return _mm256_cvtepi32_ps(_mm256_madd_epi16(_mm256_maddubs_epi16(q, p), _mm256_set1_epi16(1)));
#endif
}

// Every result is
//
//   sum over eight lanes of (acc = fma(d*e, dot, acc) over the blocks) + (shift = fma(m, s, shift) over the blocks),
//
// in the two functions below alike, so it does not matter which of them computes it. The fused operations are spelled
// out: where a product and a sum stand apart, the compiler may fuse them in one place and not in the other.

// One column: the scales of rows are converted as they are met.
template <int ROWS> void column(const weights * a, int64_t lda, const activations * x, const float * es, int blocks, float * out) {
    __m256 acc[ROWS];
    __m128 shift[ROWS];
    for (int r = 0; r < ROWS; r++) {
        acc[r]   = _mm256_setzero_ps();
        shift[r] = _mm_setzero_ps();
    }
    for (int b = 0; b < blocks; b++) {
        const __m256i p    = _mm256_loadu_si256((const __m256i *) x[b].p);
        const __m128  pair = _mm_castpd_ps(_mm_load_sd((const double *) (es + 2 * b)));
        for (int r = 0; r < ROWS; r++) {
            const weights & w = a[r * lda + b];
            const __m128 dm = scales(&w);
            acc[r]   = _mm256_fmadd_ps(_mm256_broadcastss_ps(_mm_mul_ps(dm, pair)), dot(unpack(w), p), acc[r]);
            shift[r] = _mm_fmadd_ps(dm, pair, shift[r]); // d*e, m*s: the first is not used
        }
    }
    for (int r = 0; r < ROWS; r++) {
        out[r] = kakeya_sum(acc[r]) + _mm_cvtss_f32(_mm_movehdup_ps(shift[r]));
    }
}

// Several columns: dm are the rows' scales, d and m of a block side by side; e those of the columns, [COLS][blocks];
// s theirs, [blocks][GROUP].
template <int ROWS, int COLS>
void tile(const weights * a, int64_t lda, const float * const * dm, const activations * x, int64_t ldx, const float * e, int lde,
          const float * s, int blocks, float * out, int64_t ldc) {
    __m256 acc[ROWS][COLS];
    __m128 shift[ROWS];
    for (int r = 0; r < ROWS; r++) {
        shift[r] = _mm_setzero_ps();
        for (int c = 0; c < COLS; c++) {
            acc[r][c] = _mm256_setzero_ps();
        }
    }
    for (int b = 0; b < blocks; b++) {
        const __m128 s4 = _mm_loadu_ps(s + GROUP * b);
        __m256i q[ROWS];
        __m256  d[ROWS];
        for (int r = 0; r < ROWS; r++) {
            q[r]     = unpack(a[r * lda + b]);
            d[r]     = _mm256_broadcast_ss(dm[r] + 2 * b);
            shift[r] = _mm_fmadd_ps(_mm_broadcast_ss(dm[r] + 2 * b + 1), s4, shift[r]);
        }
        for (int c = 0; c < COLS; c++) {
            const __m256i p  = _mm256_loadu_si256((const __m256i *) x[c * ldx + b].p);
            const __m256  ec = _mm256_broadcast_ss(e + c * lde + b);
            for (int r = 0; r < ROWS; r++) {
                acc[r][c] = _mm256_fmadd_ps(_mm256_mul_ps(d[r], ec), dot(q[r], p), acc[r][c]);
            }
        }
    }
    for (int r = 0; r < ROWS; r++) {
        float shifts[GROUP];
        _mm_storeu_ps(shifts, shift[r]);
        for (int c = 0; c < COLS; c++) {
            out[c * ldc + r] = kakeya_sum(acc[r][c]) + shifts[c];
        }
    }
}

// Work memory of one thread. It grows to the largest product that was seen and lives as long as the thread.
struct scratch {
    std::vector<float> dm, e, s;
};

// A product's operands and this thread's rows of it.
struct share {
    const weights *     a;
    int64_t             lda;
    const activations * x;
    int64_t             ldx;
    float *             c;
    int64_t             ldc, from, to;
    int                 blocks;
};

inline void one_column(const share & h, scratch & work) {
    work.e.resize((size_t) 2 * h.blocks);
    for (int b = 0; b < h.blocks; b++) {
        _mm_store_sd((double *) (work.e.data() + 2 * b), _mm_castps_pd(scales(h.x + b)));
    }
    int64_t row = h.from;
    for (; row + 4 <= h.to; row += 4) {
        column<4>(h.a + row * h.lda, h.lda, h.x, work.e.data(), h.blocks, h.c + row);
    }
    for (; row < h.to; row++) {
        column<1>(h.a + row * h.lda, h.lda, h.x, work.e.data(), h.blocks, h.c + row);
    }
}

template <int ROWS> void rows_by_panel(const share & h, scratch & work, int64_t row, int64_t panel, int columns) {
    const float * dm[ROWS];
    for (int r = 0; r < ROWS; r++) {
        float * to = work.dm.data() + (size_t) 2 * r * h.blocks;
        for (int b = 0; b < h.blocks; b++) {
            _mm_store_sd((double *) (to + 2 * b), _mm_castps_pd(scales(h.a + (row + r) * h.lda + b)));
        }
        dm[r] = to;
    }
    const weights * a = h.a + row * h.lda;
    for (int c = 0; c < columns; c += GROUP) {
        const activations * x = h.x + (panel + c) * h.ldx;
        const float * e = work.e.data() + (size_t) c * h.blocks, * s = work.s.data() + (size_t) c * h.blocks;
        float * out = h.c + (panel + c) * h.ldc + row;
        switch (std::min(GROUP, columns - c)) {
            case 4:  tile<ROWS, 4>(a, h.lda, dm, x, h.ldx, e, h.blocks, s, h.blocks, out, h.ldc); break;
            case 3:  tile<ROWS, 3>(a, h.lda, dm, x, h.ldx, e, h.blocks, s, h.blocks, out, h.ldc); break;
            case 2:  tile<ROWS, 2>(a, h.lda, dm, x, h.ldx, e, h.blocks, s, h.blocks, out, h.ldc); break;
            default: tile<ROWS, 1>(a, h.lda, dm, x, h.ldx, e, h.blocks, s, h.blocks, out, h.ldc);
        }
    }
}

inline void several_columns(const share & h, scratch & work, int64_t n) {
    work.dm.resize((size_t) 2 * 2 * h.blocks);
    work.e.resize((size_t) PANEL * h.blocks);
    work.s.assign((size_t) PANEL * h.blocks, 0.0f);
    for (int64_t panel = 0; panel < n; panel += PANEL) {
        const int columns = (int) std::min<int64_t>(PANEL, n - panel);
        for (int c = 0; c < columns; c++) {
            float * s = work.s.data() + (size_t) (c / GROUP * GROUP) * h.blocks + c % GROUP;
            for (int b = 0; b < h.blocks; b++) {
                float pair[4];
                _mm_storeu_ps(pair, scales(h.x + (panel + c) * h.ldx + b));
                work.e[(size_t) c * h.blocks + b] = pair[0];
                s[(size_t) GROUP * b]             = pair[1];
            }
        }
        int64_t row = h.from;
        for (; row + 2 <= h.to; row += 2) {
            rows_by_panel<2>(h, work, row, panel, columns);
        }
        if (row < h.to) {
            rows_by_panel<1>(h, work, row, panel, columns);
        }
    }
}

// Computes this thread's share of c[n][m] = x[n] a[m]^T: whole rows of weights.
inline void multiply(const ggml_compute_params * params, int64_t m, int64_t n, int blocks, const weights * a, int64_t lda,
              const activations * x, int64_t ldx, float * c, int64_t ldc) {
    static thread_local scratch work;
    const int64_t fours = (m + 3) / 4;
    const share h = { a, lda, x, ldx, c, ldc, fours * params->ith / params->nth * 4,
                      std::min(m, fours * (params->ith + 1) / params->nth * 4), blocks };
    if (n == 1) {
        one_column(h, work);
    } else {
        several_columns(h, work, n);
    }
}

} // namespace q4_1
} // namespace kakeya

#endif
