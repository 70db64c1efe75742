// Q4_1 weights times Q8_1 activations: see doc.go.
//
// A block of 32 weights is w = d q + m with 4-bit q, a block of 32 activations is x = e p with 8-bit p, and s = e Σp is
// stored with it. So the dot product of a row and a column is Σ_blocks d e Σ q p + Σ_blocks m s. The first sum is
// taken in eight float lanes over the blocks in order, the second in eight lanes of every eighth block.

#include "matmul.h"

#include "ggml.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

// ggml's own parameters of an operation (ggml-cpu-impl.h, which is no public header). Checked by
// TestKernelAgreesWithGGML: a layout that differs gives wrong answers there.
struct ggml_compute_params {
    int ith, nth;
    size_t wsize;
    void * wdata;
    struct ggml_threadpool * threadpool;
};

extern "C" bool __real_llamafile_sgemm(const ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t,
                                       const void *, int64_t, void *, int64_t, int, int, int);
extern "C" bool __wrap_llamafile_sgemm(const ggml_compute_params *, int64_t, int64_t, int64_t, const void *, int64_t,
                                       const void *, int64_t, void *, int64_t, int, int, int);

static std::atomic<bool>    enabled{true};
static std::atomic<int64_t> calls{0};

extern "C" void    kakeya_matmul_enable(bool on) { enabled = on; }
extern "C" int64_t kakeya_matmul_calls(void) { return calls; }

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

namespace {

constexpr int BLOCK   = 32; // numbers of a block
constexpr int PANEL   = 64; // columns that are worked through together: they stay in the cache while rows pass
constexpr int LANES   = 8;

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

// The scales of a row or column as floats: first[b] and second[b] of block b, padded with zeros to whole vectors.
struct scales {
    float * first;
    float * second;
};

template <typename block> void read_scales(const block * from, int blocks, scales out) {
    const int stride = sizeof(block);
    const __m256i at = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(stride));
    int b = 0;
    for (; b + LANES <= blocks; b += LANES) {
        const __m256i both  = _mm256_i32gather_epi32((const int *) (from + b), at, 1);
        const __m256i low   = _mm256_and_si256(both, _mm256_set1_epi32(0xffff));
        const __m256i high  = _mm256_srli_epi32(both, 16);
        const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8); // low words, high words
        _mm256_storeu_ps(out.first + b, _mm256_cvtph_ps(_mm256_castsi256_si128(words)));
        _mm256_storeu_ps(out.second + b, _mm256_cvtph_ps(_mm256_extracti128_si256(words, 1)));
    }
    for (int end = (blocks + LANES - 1) / LANES * LANES; b < end; b++) {
        uint16_t pair[2] = {0, 0};
        if (b < blocks) {
            memcpy(pair, from + b, sizeof pair);
        }
        out.first[b]  = _cvtsh_ss(pair[0]);
        out.second[b] = _cvtsh_ss(pair[1]);
    }
}

float sum(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// Computes ROWS x COLS results. A result's operations and their order do not depend on ROWS and COLS.
template <int ROWS, int COLS>
void tile(const weights * const * a, const scales * as, const activations * const * x, const scales * xs, int blocks,
          float * out, int64_t ldc) {
    const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256 acc[ROWS][COLS];
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLS; c++) {
            acc[r][c] = _mm256_setzero_ps();
        }
    }
    for (int b = 0; b < blocks; b++) {
        __m256i w[ROWS];
        __m256  d[ROWS];
        for (int r = 0; r < ROWS; r++) {
            const __m128i q = _mm_loadu_si128((const __m128i *) a[r][b].q);
            w[r] = _mm256_and_si256(_mm256_inserti128_si256(_mm256_castsi128_si256(q), _mm_srli_epi16(q, 4), 1), nibble);
            d[r] = _mm256_broadcast_ss(as[r].first + b);
        }
        for (int c = 0; c < COLS; c++) {
            const __m256i p = _mm256_loadu_si256((const __m256i *) x[c][b].p);
            const __m256  e = _mm256_broadcast_ss(xs[c].first + b);
            for (int r = 0; r < ROWS; r++) {
                const __m256 dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(_mm256_maddubs_epi16(w[r], p), ones));
                acc[r][c] = _mm256_fmadd_ps(_mm256_mul_ps(d[r], e), dot, acc[r][c]);
            }
        }
    }
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < COLS; c++) {
            __m256 shift = _mm256_setzero_ps();
            for (int b = 0; b < blocks; b += LANES) {
                shift = _mm256_fmadd_ps(_mm256_loadu_ps(as[r].second + b), _mm256_loadu_ps(xs[c].second + b), shift);
            }
            out[c * ldc + r] = sum(acc[r][c]) + sum(shift);
        }
    }
}

// Work memory of one thread. It grows to the largest product that was seen and lives as long as the thread.
struct scratch {
    std::vector<float> rows, cols;
};

template <int ROWS>
void rows_by_panel(const weights * const * a, const scales * as, const activations * const * x, const scales * xs, int columns,
                   int blocks, float * out, int64_t ldc) {
    int c = 0;
    for (; c + 4 <= columns; c += 4) {
        tile<ROWS, 4>(a, as, x + c, xs + c, blocks, out + c * ldc, ldc);
    }
    for (; c + 2 <= columns; c += 2) {
        tile<ROWS, 2>(a, as, x + c, xs + c, blocks, out + c * ldc, ldc);
    }
    for (; c < columns; c++) {
        tile<ROWS, 1>(a, as, x + c, xs + c, blocks, out + c * ldc, ldc);
    }
}

// Computes this thread's share of c[n][m] = b[n] a[m]^T: whole rows of weights.
void multiply(const ggml_compute_params * params, int64_t m, int64_t n, int blocks, const weights * a, int64_t lda,
              const activations * b, int64_t ldb, float * c, int64_t ldc) {
    static thread_local scratch work;
    const int padded = (blocks + LANES - 1) / LANES * LANES;
    work.rows.resize((size_t) 4 * 2 * padded);
    work.cols.resize((size_t) PANEL * 2 * padded);

    const int64_t fours = (m + 3) / 4;
    const int64_t from = fours * params->ith / params->nth * 4, to = std::min(m, fours * (params->ith + 1) / params->nth * 4);

    for (int64_t panel = 0; panel < n; panel += PANEL) {
        const int columns = (int) std::min<int64_t>(PANEL, n - panel);
        const activations * x[PANEL];
        scales              xs[PANEL];
        for (int i = 0; i < columns; i++) {
            x[i]  = b + (panel + i) * ldb;
            xs[i] = { work.cols.data() + (size_t) 2 * i * padded, work.cols.data() + (size_t) (2 * i + 1) * padded };
            read_scales(x[i], blocks, xs[i]);
        }
        for (int64_t row = from; row < to; row += 4) {
            const int rows = (int) std::min<int64_t>(4, to - row);
            const weights * w[4];
            scales          ws[4];
            for (int r = 0; r < rows; r++) {
                w[r]  = a + (row + r) * lda;
                ws[r] = { work.rows.data() + (size_t) 2 * r * padded, work.rows.data() + (size_t) (2 * r + 1) * padded };
                read_scales(w[r], blocks, ws[r]);
            }
            float * out = c + panel * ldc + row;
            if (rows == 4 && columns == 1) {
                tile<4, 1>(w, ws, x, xs, blocks, out, ldc);
                continue;
            }
            int r = 0;
            for (; r + 2 <= rows; r += 2) {
                rows_by_panel<2>(w + r, ws + r, x, xs, columns, blocks, out + r, ldc);
            }
            if (r < rows) {
                rows_by_panel<1>(w + r, ws + r, x, xs, columns, blocks, out + r, ldc);
            }
        }
    }
}

} // namespace

#endif

extern "C" bool __wrap_llamafile_sgemm(const ggml_compute_params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                                       const void * b, int64_t ldb, void * c, int64_t ldc, int a_type, int b_type, int c_type) {
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
    if (enabled && a_type == GGML_TYPE_Q4_1 && b_type == GGML_TYPE_Q8_1 && c_type == GGML_TYPE_F32) {
        multiply(params, m, n, (int) k, (const weights *) a, lda, (const activations *) b, ldb, (float *) c, ldc);
        if (params->ith == 0) {
            calls++;
        }
        return true;
    }
#endif
    return __real_llamafile_sgemm(params, m, n, k, a, lda, b, ldb, c, ldc, a_type, b_type, c_type);
}
