#pragma once

#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

// What llama.h does not offer and the inner headers do.

struct kakeya_memory {
    int64_t weights;
    int64_t cache;
    int64_t compute;
};

// Bytes of all buffers that a context and its model hold, on every device.
struct kakeya_memory kakeya_memory_of(const struct llama_context * ctx);

// Frees a context. llama_free alone is wrong in this release of ollama's ggml: its
// ggml_backend_sched_free reads the backends, which a context destroys before its scheduler.
void kakeya_free_context(struct llama_context * ctx);

#ifdef __cplusplus
}
#endif
