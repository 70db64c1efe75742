// The inner loops of attention over one tile: up to TILE_CELLS keys and values that lie side by side. None of them looks
// at anything but its operands' numbers, so a row's results do not depend on the rows beside it.
#pragma once

#include "op.h"

#ifdef KAKEYA_AVX2

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kakeya {

constexpr int TILE_CELLS = 64;
constexpr int COLUMNS    = 16; // of a micro-kernel

#ifdef __AVX512F__
constexpr int MOST_ROWS = 6; // of a micro-kernel, as the registers allow
#else
constexpr int MOST_ROWS = 3;
#endif

// Eight doubles: one register, or two. As in memory they need no alignment.
typedef double doubles __attribute__((vector_size(64)));
typedef double unaligned_doubles __attribute__((vector_size(64), aligned(8), may_alias));

inline doubles load(const double * p) { return *(const unaligned_doubles *) p; }

inline void store(double * p, doubles v) { *(unaligned_doubles *) p = v; }

inline int round_up(int n, int to) { return (n + to - 1) / to * to; }

// exp for x <= 0: 2^n times a polynomial on [-ln2/2, ln2/2], relative error below 3e-7. Under -87 it is 0.
inline __m256 exp_ps(__m256 x) {
    const __m256 lowest = _mm256_set1_ps(-87.0f);
    const __m256 zero   = _mm256_cmp_ps(x, lowest, _CMP_LT_OQ);
    x = _mm256_max_ps(x, lowest);
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.0f / 720);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    const __m256i e = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_andnot_ps(zero, _mm256_mul_ps(p, _mm256_castsi256_ps(e)));
}

inline float largest(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// Rounds numbers to multiples of 2^-20 (of a larger power where they are 4 and more).
inline __m256 to_grid(__m256 v) {
    const __m256 shift = _mm256_set1_ps(12.0f); // floats from 8 to 16 are multiples of 2^-20
    return _mm256_sub_ps(_mm256_add_ps(v, shift), shift);
}

// Transposes k[TILE_CELLS][width] to kt[width][TILE_CELLS]. width is a multiple of 8.
inline void transpose(const float * k, int width, float * kt) {
    for (int c = 0; c < TILE_CELLS; c += 8) {
        for (int d = 0; d < width; d += 8) {
            __m256 a[8], b[8];
            for (int i = 0; i < 8; i++) {
                a[i] = _mm256_loadu_ps(k + (size_t) (c + i) * width + d);
            }
            for (int i = 0; i < 8; i += 2) {
                b[i]     = _mm256_unpacklo_ps(a[i], a[i + 1]);
                b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
            }
            for (int i = 0; i < 8; i += 4) {
                a[i]     = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
                a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
                a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
                a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
            }
            for (int i = 0; i < 4; i++) {
                _mm256_storeu_ps(kt + (size_t) (d + i) * TILE_CELLS + c, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
                _mm256_storeu_ps(kt + (size_t) (d + i + 4) * TILE_CELLS + c, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
            }
        }
    }
}

// s[ROWS][COLUMNS] = q[ROWS][width] kt[width][COLUMNS]; each result is a chain of fused operations in the order of the width.
template <int ROWS> void scores_block(const float * q, const float * kt, int width, float * s, int lds) {
    __m256 acc[ROWS][2];
    for (int i = 0; i < ROWS; i++) {
        acc[i][0] = acc[i][1] = _mm256_setzero_ps();
    }
    for (int d = 0; d < width; d++) {
        const __m256 k0 = _mm256_loadu_ps(kt + (size_t) d * TILE_CELLS);
        const __m256 k1 = _mm256_loadu_ps(kt + (size_t) d * TILE_CELLS + 8);
        for (int i = 0; i < ROWS; i++) {
            const __m256 x = _mm256_broadcast_ss(q + (size_t) i * width + d);
            acc[i][0] = _mm256_fmadd_ps(x, k0, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(x, k1, acc[i][1]);
        }
    }
    for (int i = 0; i < ROWS; i++) {
        _mm256_storeu_ps(s + (size_t) i * lds, acc[i][0]);
        _mm256_storeu_ps(s + (size_t) i * lds + 8, acc[i][1]);
    }
}

// o[ROWS][COLUMNS] += p[ROWS][cells] v[cells][COLUMNS]. Exact where the operands lie on their grids.
template <int ROWS> void values_block(const double * p, const double * v, int ldv, int cells, double * o, int ldo) {
    doubles acc[ROWS][2];
    for (int i = 0; i < ROWS; i++) {
        acc[i][0] = load(o + (size_t) i * ldo);
        acc[i][1] = load(o + (size_t) i * ldo + 8);
    }
    for (int c = 0; c < cells; c++) {
        const doubles v0 = load(v + (size_t) c * ldv), v1 = load(v + (size_t) c * ldv + 8);
        for (int i = 0; i < ROWS; i++) {
            const double x = p[(size_t) i * TILE_CELLS + c];
            acc[i][0] += x * v0;
            acc[i][1] += x * v1;
        }
    }
    for (int i = 0; i < ROWS; i++) {
        store(o + (size_t) i * ldo, acc[i][0]);
        store(o + (size_t) i * ldo + 8, acc[i][1]);
    }
}

// Calls a block's function for all rows, as many at a time as there are registers for.
#define KAKEYA_BY_ROWS(rows, call)                     \
    for (int r = 0; r < (rows);) {                     \
        switch (std::min(MOST_ROWS, (rows) - r)) {     \
            case 6:  { call(6); r += 6; break; }       \
            case 5:  { call(5); r += 5; break; }       \
            case 4:  { call(4); r += 4; break; }       \
            case 3:  { call(3); r += 3; break; }       \
            case 2:  { call(2); r += 2; break; }       \
            default: { call(1); r += 1; }              \
        }                                              \
    }

// s[rows][TILE_CELLS] = q[rows][width] kt[width][TILE_CELLS]
inline void scores(const float * q, int rows, int width, const float * kt, int cells, float * s, int lds) {
    for (int c = 0; c < cells; c += COLUMNS) {
#define CALL(N) scores_block<N>(q + (size_t) r * width, kt + c, width, s + (size_t) r * lds + c, lds)
        KAKEYA_BY_ROWS(rows, CALL)
#undef CALL
    }
}

// o[rows][width] += p[rows][cells] v[cells][width]; rows of p are TILE_CELLS apart, width is a multiple of COLUMNS.
inline void add_values(const double * p, int rows, const double * v, int width, int cells, double * o) {
    for (int d = 0; d < width; d += COLUMNS) {
#define CALL(N) values_block<N>(p + (size_t) r * TILE_CELLS, v + d, width, cells, o + (size_t) r * width + d, width)
        KAKEYA_BY_ROWS(rows, CALL)
#undef CALL
    }
}

// p[TILE_CELLS] = exp(s - top) in multiples of 2^-23, and their exact sum.
inline double weights(const float * s, float top, double * p) {
    const __m256 shift = _mm256_set1_ps(top), one = _mm256_set1_ps(1.0f);
    __m256d total = _mm256_setzero_pd();
    for (int c = 0; c < TILE_CELLS; c += 8) {
        const __m256 x = exp_ps(_mm256_sub_ps(_mm256_loadu_ps(s + c), shift));
        const __m256 y = _mm256_sub_ps(_mm256_add_ps(x, one), one);
        const __m256d a = _mm256_cvtps_pd(_mm256_castps256_ps128(y)), b = _mm256_cvtps_pd(_mm256_extractf128_ps(y, 1));
        _mm256_storeu_pd(p + c, a);
        _mm256_storeu_pd(p + c + 4, b);
        total = _mm256_add_pd(total, _mm256_add_pd(a, b));
    }
    double lanes[4];
    _mm256_storeu_pd(lanes, total);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

} // namespace kakeya

#endif
