#include "cells.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "ggml-backend.h"
#include "llama-src/llama-context.h"
#include "llama-src/llama-kv-cache-iswa.h"
#include "llama-src/llama-kv-cache.h"
#include "llama-src/llama-model.h"
#include "reveal.h"

namespace {

struct cache_cells {
    using type = std::vector<llama_kv_cells> llama_kv_cache::*;
    friend type member(cache_cells);
};

struct cache_turned {
    using type = bool llama_kv_cache::*;
    friend type member(cache_turned);
};

// The layers' type is private too and cannot be named, so this gives out what is in them.
struct cache_layers {
    friend void each(cache_layers, llama_kv_cache * cache, const std::function<void(kakeya_cache_layer)> & tell);
};

template <typename Tag, auto Member> struct reveal_layers {
    friend void each(Tag, llama_kv_cache * cache, const std::function<void(kakeya_cache_layer)> & tell) {
        for (const auto & l : cache->*Member) {
            tell({ (int) l.il, 0, l.k, l.v });
        }
    }
};

template struct reveal_layers<cache_layers, &llama_kv_cache::layers>;
template struct reveal<cache_cells, &llama_kv_cache::v_cells>;
template struct reveal<cache_turned, &llama_kv_cache::v_trans>;

// The caches of a context, none when they are of another kind.
std::vector<llama_kv_cache *> caches_of(llama_context * ctx) {
    llama_memory_i * memory = ctx->get_memory();
    if (auto * one = dynamic_cast<llama_kv_cache *>(memory)) {
        return { one };
    }
    if (auto * two = dynamic_cast<llama_kv_cache_iswa *>(memory)) {
        return { two->get_base(), two->get_swa() };
    }
    return {};
}

// A step of tokens that are in the cache already: what is needed to give them cells.
struct placing {
    std::vector<llama_pos>      pos;
    std::vector<int32_t>        counts;
    std::vector<llama_seq_id *> seqs;
    llama_seq_id                seq;
    llama_ubatch                ubatch = {};

    placing(llama_seq_id seq_id, int32_t from, int32_t to) : counts(to - from, 1), seqs(to - from, &seq), seq(seq_id) {
        for (int32_t p = from; p < to; ++p) {
            pos.push_back(p);
        }
        ubatch.b_equal_seqs = 1;
        ubatch.n_tokens     = to - from;
        ubatch.n_seq_tokens = to - from;
        ubatch.n_seqs       = 1;
        ubatch.n_seqs_unq   = 1;
        ubatch.n_pos        = 1;
        ubatch.pos          = pos.data();
        ubatch.n_seq_id     = counts.data();
        ubatch.seq_id       = seqs.data();
        ubatch.seq_id_unq   = &seq;
    }
};

} // namespace

extern "C" int kakeya_cache_count(struct llama_context * ctx) { return (int) caches_of(ctx).size(); }

extern "C" int kakeya_cache_layers(struct llama_context * ctx, kakeya_cache_layer * layers, int max) {
    int n = 0;
    const auto caches = caches_of(ctx);
    for (size_t c = 0; c < caches.size(); ++c) {
        if (caches[c]->get_n_stream() != 1 || caches[c]->*member(cache_turned())) {
            return -1;
        }
        each(cache_layers(), caches[c], [&](kakeya_cache_layer layer) {
            layer.cache = (int) c;
            if (n < max) {
                layers[n] = layer;
            }
            n++;
        });
    }
    std::sort(layers, layers + std::min(n, max), [](const auto & a, const auto & b) { return a.layer < b.layer; });
    return n == 0 || n > max || ctx->get_model().hparams.n_pos_per_embd() != 1 ? -1 : n;
}

extern "C" bool kakeya_cache_find(struct llama_context * ctx, int32_t seq, int32_t from, int32_t to, uint32_t * cells) {
    const int32_t n = to - from;
    for (auto * cache : caches_of(ctx)) {
        const auto & all = (cache->*member(cache_cells()))[0];
        int32_t found = 0;
        for (uint32_t i = 0; i < all.size() && found < n; ++i) {
            if (all.is_empty(i) || !all.seq_has(i, seq)) {
                continue;
            }
            const llama_pos p = all.pos_get(i);
            if (p >= from && p < to) {
                cells[p - from] = i;
                found++;
            }
        }
        if (found < n) {
            return false;
        }
        cells += n;
    }
    return true;
}

extern "C" bool kakeya_cache_take(struct llama_context * ctx, int32_t seq, int32_t from, int32_t to, uint32_t * cells) {
    const auto caches = caches_of(ctx);
    placing p(seq, from, to);
    std::vector<llama_kv_cache::slot_info> slots;
    for (auto * cache : caches) {
        slots.push_back(cache->find_slot(p.ubatch, false));
        if (slots.back().empty()) {
            return false;
        }
    }
    for (size_t c = 0; c < caches.size(); ++c) {
        caches[c]->apply_ubatch(slots[c], p.ubatch);
        for (const uint32_t i : slots[c].idxs[0]) {
            *cells++ = i;
        }
    }
    return true;
}

namespace {

// Calls copy(first, n, at) for each run of n cells that follow each other.
template <typename F> void runs(const uint32_t * cells, int n, F copy) {
    for (int i = 0; i < n;) {
        int end = i + 1;
        while (end < n && cells[end] == cells[end - 1] + 1) {
            end++;
        }
        copy(cells[i], end - i, i);
        i = end;
    }
}

} // namespace

extern "C" void kakeya_rows_read(const struct ggml_tensor * t, const uint32_t * cells, int n, void * to) {
    const size_t row = t->nb[1];
    runs(cells, n, [&](uint32_t first, int count, int at) {
        ggml_backend_tensor_get(t, (char *) to + at*row, first*row, count*row);
    });
}

extern "C" void kakeya_rows_write(struct ggml_tensor * t, const uint32_t * cells, int n, const void * from) {
    const size_t row = t->nb[1];
    runs(cells, n, [&](uint32_t first, int count, int at) {
        ggml_backend_tensor_set(t, (const char *) from + at*row, first*row, count*row);
    });
}

extern "C" bool kakeya_rows_to_f16(int type, const void * from, uint16_t * to, int64_t rows, int64_t width) {
    const auto to_float = ggml_get_type_traits((ggml_type) type)->to_float;
    if (!to_float) {
        return false;
    }
    std::vector<float> buf(rows*width);
    to_float(from, buf.data(), rows*width);
    ggml_fp32_to_fp16_row(buf.data(), (ggml_fp16_t *) to, rows*width);
    return true;
}

extern "C" bool kakeya_rows_from_f16(int type, const uint16_t * from, void * to, int64_t rows, int64_t width) {
    std::vector<float> buf(rows*width);
    ggml_fp16_to_fp32_row((const ggml_fp16_t *) from, buf.data(), rows*width);
    return ggml_quantize_chunk((ggml_type) type, buf.data(), to, 0, rows, width, nullptr) > 0;
}
