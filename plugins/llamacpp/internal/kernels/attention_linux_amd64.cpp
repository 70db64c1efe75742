// Flash attention for the CPU: see doc.go for what it is and when it runs.
//
// One work item is a run of tokens and all query heads that share a KV head: its rows are (token, head) pairs. The cells
// that its tokens see are gathered to tiles, and for all tiles first S = scale Q Kᵀ + mask and m = rowmax S, then
//
//   P = exp(S - m),  l = rowsum P,  O = P V / l.
//
// The greatest score is known before anything is added up, so that P can be rounded to one grid; that makes the sums exact.

#include "attention_tile.h"

#include "ggml.h"

#include <algorithm>
#include <cstring>
#include <vector>

extern "C" void __real_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst);
extern "C" void __wrap_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst);

#ifdef KAKEYA_AVX2

namespace {

using namespace kakeya;

constexpr int MOST_ITEM_ROWS = 48;
constexpr uint16_t HIDDEN = 0xfc00; // -inf

// Work memory of one thread. It grows to the largest item that was seen and lives as long as the thread.
struct scratch {
    std::vector<int>     starts; // first token of each item, and their end
    std::vector<int>     seen;   // cells of an item
    std::vector<float>   q, k, kt, s, v, top;
    std::vector<double>  p, vd, o, l;
};

struct problem {
    const ggml_tensor *q, *k, *v, *mask;
    ggml_tensor * dst;
    float scale;
    int   width, value_width, tokens, cells, heads, kv_heads, group;

    // What token t may see of each cell.
    const uint16_t * mask_of(int64_t batch, int t) const {
        return (const uint16_t *) ((const char *) mask->data + t * mask->nb[1] + (batch % mask->ne[3]) * mask->nb[3]);
    }
};

// A tensor's rows as floats, whatever type they are stored in.
struct rows {
    const char *    data;
    size_t          stride;
    ggml_type       type;
    int             width;
    ggml_to_float_t convert;

    rows(const ggml_tensor * t, int64_t head, int64_t batch)
        : data((const char *) t->data + head * t->nb[2] + batch * t->nb[3]), stride(t->nb[1]), type(t->type), width((int) t->ne[0]),
          convert(ggml_get_type_traits(t->type)->to_float) {}

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

// Whether two tokens see almost the same cells, so that they are worth computing together.
bool alike(const uint16_t * a, const uint16_t * b, int cells) {
    const __m256i hidden = _mm256_set1_epi16((short) HIDDEN);
    int either = 0, differ = 0, c = 0;
    for (; c + 16 <= cells; c += 16) {
        const unsigned x = _mm256_movemask_epi8(_mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *) (a + c)), hidden));
        const unsigned y = _mm256_movemask_epi8(_mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *) (b + c)), hidden));
        either += __builtin_popcount(~(x & y)) / 2;
        differ += __builtin_popcount(x ^ y) / 2;
    }
    for (; c < cells; c++) {
        either += a[c] != HIDDEN || b[c] != HIDDEN;
        differ += (a[c] != HIDDEN) != (b[c] != HIDDEN);
    }
    return differ * 4 <= either;
}

// Cuts the tokens into items. Every thread comes to the same.
void cut(const problem & p, std::vector<int> & starts) {
    const int most = std::max(1, MOST_ITEM_ROWS / p.group);
    starts.assign(1, 0);
    for (int t = 1; t < p.tokens; t++) {
        if (t - starts.back() == most || (p.mask != nullptr && !alike(p.mask_of(0, t - 1), p.mask_of(0, t), p.cells))) {
            starts.push_back(t);
        }
    }
    starts.push_back(p.tokens);
}

// Lists the cells that any of the tokens sees.
void look(const problem & p, int64_t batch, int first, int tokens, std::vector<int> & seen) {
    seen.clear();
    if (p.mask == nullptr) {
        for (int c = 0; c < p.cells; c++) {
            seen.push_back(c);
        }
        return;
    }
    const __m256i hidden = _mm256_set1_epi16((short) HIDDEN);
    int c = 0;
    for (; c + 16 <= p.cells; c += 16) {
        __m256i all = _mm256_set1_epi8(-1);
        for (int t = 0; t < tokens; t++) {
            all = _mm256_and_si256(all, _mm256_cmpeq_epi16(_mm256_loadu_si256((const __m256i *) (p.mask_of(batch, first + t) + c)), hidden));
        }
        for (unsigned bits = ~_mm256_movemask_epi8(all) & 0x55555555u; bits != 0; bits &= bits - 1) {
            seen.push_back(c + __builtin_ctz(bits) / 2);
        }
    }
    for (; c < p.cells; c++) {
        bool any = false;
        for (int t = 0; t < tokens; t++) {
            any = any || p.mask_of(batch, first + t)[c] != HIDDEN;
        }
        if (any) {
            seen.push_back(c);
        }
    }
}

// Adds what the mask says of a tile's n cells to the scores of one token's rows, and hides what lies past them.
void apply_mask(const problem & p, const uint16_t * mask, const int * cells, int n, float * s, int lds) {
    float m[TILE_CELLS];
    for (int c = 0; c < n; c++) {
        m[c] = mask == nullptr || mask[cells[c]] == 0 ? 0.0f : _cvtsh_ss(mask[cells[c]]);
    }
    for (int g = 0; g < p.group; g++) {
        float * x = s + (size_t) g * lds;
        for (int c = 0; c < n; c++) {
            x[c] += m[c];
        }
        std::fill(x + n, x + TILE_CELLS, -INFINITY);
    }
}

// Attends one item: tokens of one KV head's query heads.
void attend(const problem & p, scratch & w, int64_t batch, int kv_head, int first, int tokens) {
    look(p, batch, first, tokens, w.seen);
    const int n = tokens * p.group, D = p.width, DV = p.value_width, DVC = round_up(DV, COLUMNS);
    const int seen = (int) w.seen.size(), lds = round_up(seen, TILE_CELLS);
    w.q.resize((size_t) n * D);
    w.k.resize((size_t) TILE_CELLS * D);
    w.kt.resize((size_t) TILE_CELLS * D);
    w.v.assign(DVC, 0.0f);
    w.vd.resize((size_t) TILE_CELLS * DVC);
    w.s.resize((size_t) n * lds);
    w.p.resize((size_t) n * TILE_CELLS);
    w.top.resize(n);
    w.o.assign((size_t) n * DVC, 0.0);
    w.l.assign(n, 0.0);

    for (int g = 0; g < p.group; g++) {
        const rows from(p.q, kv_head * p.group + g, batch);
        for (int t = 0; t < tokens; t++) {
            float * q = w.q.data() + (size_t) (t * p.group + g) * D;
            from.read(first + t, q);
            for (int d = 0; d < D; d++) {
                q[d] *= p.scale;
            }
        }
    }

    const rows keys(p.k, kv_head, batch), values(p.v, kv_head, batch);
    for (int at = 0; at < seen; at += TILE_CELLS) {
        const int cells = std::min(TILE_CELLS, seen - at);
        for (int c = 0; c < cells; c++) {
            keys.read(w.seen[at + c], w.k.data() + (size_t) c * D);
        }
        transpose(w.k.data(), D, w.kt.data());
        scores(w.q.data(), n, D, w.kt.data(), round_up(cells, COLUMNS), w.s.data() + at, lds);
        for (int t = 0; t < tokens; t++) {
            apply_mask(p, p.mask == nullptr ? nullptr : p.mask_of(batch, first + t), w.seen.data() + at, cells,
                       w.s.data() + (size_t) t * p.group * lds + at, lds);
        }
    }
    for (int r = 0; r < n; r++) {
        __m256 top = _mm256_set1_ps(-INFINITY);
        for (int c = 0; c < lds; c += 8) {
            top = _mm256_max_ps(top, _mm256_loadu_ps(w.s.data() + (size_t) r * lds + c));
        }
        w.top[r] = largest(top);
    }
    for (int at = 0; at < seen; at += TILE_CELLS) {
        const int cells = std::min(TILE_CELLS, seen - at);
        for (int r = 0; r < n; r++) {
            if (w.top[r] > -INFINITY) {
                w.l[r] += weights(w.s.data() + (size_t) r * lds + at, w.top[r], w.p.data() + (size_t) r * TILE_CELLS);
            } else { // a row that sees no cell
                std::fill_n(w.p.data() + (size_t) r * TILE_CELLS, TILE_CELLS, 0.0);
            }
        }
        for (int c = 0; c < cells; c++) {
            values.read(w.seen[at + c], w.v.data());
            double * to = w.vd.data() + (size_t) c * DVC;
            for (int d = 0; d < DVC; d += 8) {
                const __m256 v = to_grid(_mm256_loadu_ps(w.v.data() + d));
                _mm256_storeu_pd(to + d, _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
                _mm256_storeu_pd(to + d + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
            }
        }
        add_values(w.p.data(), n, w.vd.data(), DVC, cells, w.o.data());
    }

    for (int r = 0; r < n; r++) {
        const double l = w.l[r] == 0.0 ? 0.0 : 1.0 / w.l[r];
        const int t = first + r / p.group, h = kv_head * p.group + r % p.group;
        float * out = (float *) ((char *) p.dst->data + h * p.dst->nb[1] + t * p.dst->nb[2] + batch * p.dst->nb[3]);
        for (int d = 0; d < DV; d++) {
            out[d] = (float) (w.o[(size_t) r * DVC + d] * l);
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
    return q->type == GGML_TYPE_F32 && readable(q) && readable(k) && readable(v) &&
           max_bias == 0.0f && softcap == 0.0f && dst->src[4] == nullptr &&
           k->ne[2] == v->ne[2] && k->ne[3] == q->ne[3] && v->ne[3] == q->ne[3] && q->ne[2] % k->ne[2] == 0 &&
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
    cut(p, work.starts);
    const int     runs  = (int) work.starts.size() - 1;
    const int64_t items = (int64_t) runs * p.kv_heads * q->ne[3];
    // A causal mask gives late tokens more to do; taking items in turn spreads them evenly.
    for (int64_t i = params->ith; i < items; i += params->nth) {
        const int     first = work.starts[i % runs];
        const int     head  = (int) (i / runs % p.kv_heads);
        const int64_t batch = i / runs / p.kv_heads;
        attend(p, work, batch, head, first, work.starts[i % runs + 1] - first);
    }
    if (params->ith == 0) {
        kakeya_kernel_count(KAKEYA_ATTENTION);
    }
    return true;
}

} // namespace

#else

static bool run(const ggml_compute_params *, ggml_tensor *) { return false; }

#endif

extern "C" void __wrap_ggml_compute_forward_flash_attn_ext(const ggml_compute_params * params, ggml_tensor * dst) {
    if (!kakeya_kernel_enabled(KAKEYA_ATTENTION) || !run(params, dst)) {
        __real_ggml_compute_forward_flash_attn_ext(params, dst);
    }
}
