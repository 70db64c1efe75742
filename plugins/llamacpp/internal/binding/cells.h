#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

// The KV cache's cells, read and written directly.

#define KAKEYA_MAX_CACHES 2 // one, and another for layers with a sliding window

typedef struct {
    int                  layer;
    int                  cache; // which cells are its own
    struct ggml_tensor * k;     // [width, cells]: a row a cell
    struct ggml_tensor * v;
} kakeya_cache_layer;

// The layers that have a cache, in order; at most max are written. -1: it is of another kind than one whose rows
// are cells.
int kakeya_cache_layers(struct llama_context * ctx, kakeya_cache_layer * layers, int max);

int kakeya_cache_count(struct llama_context * ctx);

// The cells of positions [from, to) of a sequence in every cache: cells[cache*(to-from) + position-from]. False: some
// position is not there.
bool kakeya_cache_find(struct llama_context * ctx, int32_t seq, int32_t from, int32_t to, uint32_t * cells);

// Takes empty cells for positions [from, to) of a sequence, which must be the next ones, and writes them as above.
// False: there are too few, and nothing was done.
bool kakeya_cache_take(struct llama_context * ctx, int32_t seq, int32_t from, int32_t to, uint32_t * cells);

// Copies the rows of n cells, one after another.
void kakeya_rows_read (const struct ggml_tensor * t, const uint32_t * cells, int n, void * to);
void kakeya_rows_write(struct ggml_tensor * t, const uint32_t * cells, int n, const void * from);

// Rows of n numbers in a tensor's type, to and from f16.
bool kakeya_rows_to_f16  (int type, const void * from, uint16_t * to, int64_t rows, int64_t width);
bool kakeya_rows_from_f16(int type, const uint16_t * from, void * to, int64_t rows, int64_t width);

#ifdef __cplusplus
}
#endif
