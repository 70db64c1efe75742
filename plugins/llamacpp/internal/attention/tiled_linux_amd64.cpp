// Tiled flash attention for the CPU: see doc.go for what it is and when it runs.
//
// One work item is a tile of tokens of all query heads that share a KV head: its rows are (token, head)
// pairs, so each tile of keys and values is converted once for all of them. For every tile of cells
//
//   S = Q K^T + mask,  m' = max(m, rowmax S),  P = exp(S - m'),  l' = l e^(m-m') + rowsum P,
//   O' = O e^(m-m') + P V,
//
// and at the end O / l: the online softmax of Milakov and Gimelshein (arXiv:1805.02867), as FlashAttention
// (arXiv:2205.14135) tiles it. Tiles that the mask hides from all rows are skipped.

#include "tiled.h"

#include "ggml.h"

#include <algorithm>
#include <atomic>
#include <cmath>
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

extern "C" void __real_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst);
extern "C" void __wrap_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst);

static std::atomic<bool>    enabled{true};
static std::atomic<int64_t> calls{0};

extern "C" void    kakeya_attention_enable(bool on) { enabled = on; }
extern "C" int64_t kakeya_attention_calls(void) { return calls; }

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

namespace {

constexpr int ROWS  = 6;   // rows of a micro-kernel
constexpr int COLS  = 16;  // columns of a micro-kernel: two registers
constexpr int CELLS = 64;  // cells of a tile
constexpr int TILE  = 48;  // most rows of a work item
constexpr int LEAST = 32;  // tokens below which ggml's kernel is faster

int round_up(int n, int to) { return (n + to - 1) / to * to; }

// exp for x <= 0: 2^n times a polynomial on [-ln2/2, ln2/2], relative error below 3e-7. Under -87 it is 0.
__m256 exp_ps(__m256 x) {
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

float sum(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

float largest(__m256 v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// c[ROWS][COLS] += a[ROWS][depth] b[depth][COLS]. Distances between rows are in floats.
void multiply_add(const float * a, int lda, const float * b, int ldb, float * c, int ldc, int depth) {
    __m256 acc[ROWS][2];
    for (int i = 0; i < ROWS; i++) {
        acc[i][0] = _mm256_loadu_ps(c + i * ldc);
        acc[i][1] = _mm256_loadu_ps(c + i * ldc + 8);
    }
    for (int d = 0; d < depth; d++) {
        const __m256 b0 = _mm256_loadu_ps(b + d * ldb);
        const __m256 b1 = _mm256_loadu_ps(b + d * ldb + 8);
        for (int i = 0; i < ROWS; i++) {
            const __m256 x = _mm256_broadcast_ss(a + i * lda + d);
            acc[i][0] = _mm256_fmadd_ps(x, b0, acc[i][0]);
            acc[i][1] = _mm256_fmadd_ps(x, b1, acc[i][1]);
        }
    }
    for (int i = 0; i < ROWS; i++) {
        _mm256_storeu_ps(c + i * ldc, acc[i][0]);
        _mm256_storeu_ps(c + i * ldc + 8, acc[i][1]);
    }
}

// Work memory of one thread. It grows to the largest head that was seen and lives as long as the thread.
struct scratch {
    std::vector<float> q, kt, k, v, s, o, mask, m, l;
};

// A tensor's rows as floats, whatever type they are stored in.
struct rows {
    const char *      data;
    size_t            stride;
    ggml_type         type;
    int               width;
    ggml_to_float_t   convert;

    void read(int64_t i, float * out) const {
        const char * from = data + i * stride;
        if (type == GGML_TYPE_F16) {
            const uint16_t * h = (const uint16_t *) from;
            for (int d = 0; d < width; d += 8) {
                _mm256_storeu_ps(out + d, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (h + d))));
            }
        } else if (type == GGML_TYPE_F32) {
            memcpy(out, from, width * sizeof(float));
        } else {
            convert(from, out, width);
        }
    }
};

struct problem {
    const ggml_tensor *q, *k, *v, *mask;
    ggml_tensor * dst;
    float scale;
    int   width, value_width, tokens, cells, heads, kv_heads, group;
};

rows rows_of(const ggml_tensor * t, int64_t head, int64_t batch) {
    return { (const char *) t->data + head * t->nb[2] + batch * t->nb[3], t->nb[1], t->type,
             (int) t->ne[0], ggml_get_type_traits(t->type)->to_float };
}

// Reads the mask of a tile, [tokens][CELLS]. False: it hides every cell from every token.
bool read_mask(const problem & p, int64_t batch, int first_token, int tokens, int first_cell, int cells, float * out) {
    bool seen = false;
    for (int t = 0; t < tokens; t++) {
        float * row = out + t * CELLS;
        for (int c = cells; c < CELLS; c++) {
            row[c] = -INFINITY;
        }
        if (p.mask == nullptr) {
            std::fill(row, row + cells, 0.0f);
            seen = true;
            continue;
        }
        const uint16_t * from = (const uint16_t *) ((const char *) p.mask->data + (first_token + t) * p.mask->nb[1] +
                                                    (batch % p.mask->ne[3]) * p.mask->nb[3]) + first_cell;
        int c = 0;
        __m256 top = _mm256_set1_ps(-INFINITY);
        for (; c + 8 <= cells; c += 8) {
            const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (from + c)));
            _mm256_storeu_ps(row + c, x);
            top = _mm256_max_ps(top, x);
        }
        seen = seen || largest(top) > -INFINITY;
        for (; c < cells; c++) {
            row[c] = ggml_fp16_to_fp32(from[c]);
            seen = seen || row[c] > -INFINITY;
        }
    }
    return seen;
}

// Attends one tile of tokens of one KV head's query heads.
void attend(const problem & p, scratch & w, int64_t batch, int kv_head, int first_token, int tokens) {
    const int n    = tokens * p.group;
    const int size = round_up(n, ROWS);
    const int D = p.width, DV = p.value_width, DVC = round_up(DV, COLS);
    w.q.assign((size_t) size * D, 0.0f);
    w.o.assign((size_t) size * DVC, 0.0f);
    w.m.assign(size, -INFINITY);
    w.l.assign(size, 0.0f);
    w.s.resize((size_t) size * CELLS);
    w.k.resize((size_t) CELLS * D);
    w.kt.resize((size_t) CELLS * D);
    w.v.resize((size_t) CELLS * DVC);
    w.mask.resize((size_t) tokens * CELLS);

    for (int t = 0; t < tokens; t++) {
        for (int g = 0; g < p.group; g++) {
            const rows from = rows_of(p.q, kv_head * p.group + g, batch);
            float * q = w.q.data() + (size_t) (t * p.group + g) * D;
            from.read(first_token + t, q);
            for (int d = 0; d < D; d++) {
                q[d] *= p.scale;
            }
        }
    }
    const rows keys = rows_of(p.k, kv_head, batch), values = rows_of(p.v, kv_head, batch);

    for (int cell = 0; cell < p.cells; cell += CELLS) {
        const int cells = std::min(CELLS, p.cells - cell);
        if (!read_mask(p, batch, first_token, tokens, cell, cells, w.mask.data())) {
            continue;
        }
        for (int c = 0; c < CELLS; c++) {
            float * k = w.k.data() + (size_t) c * D;
            float * v = w.v.data() + (size_t) c * DVC;
            if (c < cells) {
                keys.read(cell + c, k);
                values.read(cell + c, v);
            } else {
                std::fill(k, k + D, 0.0f);
                std::fill(v, v + DV, 0.0f);
            }
        }
        for (int d = 0; d < D; d++) {
            for (int c = 0; c < CELLS; c++) {
                w.kt[(size_t) d * CELLS + c] = w.k[(size_t) c * D + d];
            }
        }
        std::fill(w.s.begin(), w.s.end(), 0.0f);
        for (int r = 0; r < size; r += ROWS) {
            for (int c = 0; c < CELLS; c += COLS) {
                multiply_add(w.q.data() + (size_t) r * D, D, w.kt.data() + c, CELLS, w.s.data() + (size_t) r * CELLS + c, CELLS, D);
            }
        }
        for (int r = 0; r < n; r++) {
            float *       s    = w.s.data() + (size_t) r * CELLS;
            const float * mask = w.mask.data() + (size_t) (r / p.group) * CELLS;
            __m256 top = _mm256_set1_ps(w.m[r]);
            for (int c = 0; c < CELLS; c += 8) {
                const __m256 x = _mm256_add_ps(_mm256_loadu_ps(s + c), _mm256_loadu_ps(mask + c));
                _mm256_storeu_ps(s + c, x);
                top = _mm256_max_ps(top, x);
            }
            const float m = largest(top);
            if (m == -INFINITY) { // this row has seen no cell yet
                std::fill(s, s + CELLS, 0.0f);
                continue;
            }
            __m256 total = _mm256_setzero_ps();
            const __m256 shift = _mm256_set1_ps(m);
            for (int c = 0; c < CELLS; c += 8) {
                const __m256 x = exp_ps(_mm256_sub_ps(_mm256_loadu_ps(s + c), shift));
                _mm256_storeu_ps(s + c, x);
                total = _mm256_add_ps(total, x);
            }
            if (m > w.m[r]) {
                const float factor = expf(w.m[r] - m);
                const __m256 f = _mm256_set1_ps(factor);
                float * o = w.o.data() + (size_t) r * DVC;
                for (int d = 0; d < DVC; d += 8) {
                    _mm256_storeu_ps(o + d, _mm256_mul_ps(_mm256_loadu_ps(o + d), f));
                }
                w.l[r] *= factor;
                w.m[r] = m;
            }
            w.l[r] += sum(total);
        }
        for (int r = 0; r < size; r += ROWS) {
            for (int d = 0; d < DVC; d += COLS) {
                multiply_add(w.s.data() + (size_t) r * CELLS, CELLS, w.v.data() + d, DVC, w.o.data() + (size_t) r * DVC + d, DVC, CELLS);
            }
        }
    }

    for (int r = 0; r < n; r++) {
        const float l = w.l[r] == 0.0f ? 0.0f : 1.0f / w.l[r];
        const int t = first_token + r / p.group, h = kv_head * p.group + r % p.group;
        float * out = (float *) ((char *) p.dst->data + h * p.dst->nb[1] + t * p.dst->nb[2] + batch * p.dst->nb[3]);
        const float * o = w.o.data() + (size_t) r * DVC;
        for (int d = 0; d < DV; d++) {
            out[d] = o[d] * l;
        }
    }
}

bool readable(const ggml_tensor * t) {
    return t->ne[0] % 8 == 0 && t->nb[0] == ggml_type_size(t->type) &&
           (t->type == GGML_TYPE_F16 || t->type == GGML_TYPE_F32 || ggml_get_type_traits(t->type)->to_float != nullptr);
}

// Whether the operation is one that this kernel knows; what it does not know goes to ggml's own.
bool fits(const ggml_tensor * dst, float max_bias, float softcap) {
    const ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2], *mask = dst->src[3];
    return q->ne[1] >= LEAST && q->type == GGML_TYPE_F32 && readable(q) && readable(k) && readable(v) &&
           max_bias == 0.0f && softcap == 0.0f && dst->src[4] == nullptr &&
           k->ne[2] == v->ne[2] && k->ne[3] == q->ne[3] && v->ne[3] == q->ne[3] && q->ne[2] % k->ne[2] == 0 &&
           q->ne[2] / k->ne[2] <= TILE &&
           (mask == nullptr || (mask->type == GGML_TYPE_F16 && mask->ne[2] == 1));
}

bool run(const ggml_compute_params * params, ggml_tensor * dst) {
    float scale, max_bias, softcap;
    memcpy(&scale, (const float *) dst->op_params + 0, sizeof(float));
    memcpy(&max_bias, (const float *) dst->op_params + 1, sizeof(float));
    memcpy(&softcap, (const float *) dst->op_params + 2, sizeof(float));
    if (!fits(dst, max_bias, softcap)) {
        return false;
    }
    const ggml_tensor *q = dst->src[0], *k = dst->src[1], *v = dst->src[2];
    const problem p = { q, k, v, dst->src[3], dst, scale, (int) q->ne[0], (int) v->ne[0], (int) q->ne[1], (int) k->ne[1],
                        (int) q->ne[2], (int) k->ne[2], (int) (q->ne[2] / k->ne[2]) };
    static thread_local scratch work;
    const int tile  = TILE / p.group;
    const int tiles = (p.tokens + tile - 1) / tile;
    const int64_t items = (int64_t) tiles * p.kv_heads * q->ne[3];
    // A causal mask gives late tokens more to do; taking items in turn spreads them evenly.
    for (int64_t i = params->ith; i < items; i += params->nth) {
        const int     first = (int) (i % tiles) * tile;
        const int     head  = (int) (i / tiles % p.kv_heads);
        const int64_t batch = i / tiles / p.kv_heads;
        attend(p, work, batch, head, first, std::min(tile, p.tokens - first));
    }
    if (params->ith == 0) {
        calls++;
    }
    return true;
}

} // namespace

#else

static bool run(const ggml_compute_params *, ggml_tensor *) { return false; }

#endif

extern "C" void __wrap_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst) {
    if (!enabled || !run(params, dst)) {
        __real_ggml_compute_forward_flash_attn_ext(params, dst);
    }
}
