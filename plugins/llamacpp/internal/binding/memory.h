#pragma once

#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kakeya_memory {
    int64_t weights;
    int64_t cache;
    int64_t compute;
};

// Bytes of all buffers that a context and its model hold, on every device.
struct kakeya_memory kakeya_memory_of(const struct llama_context * ctx);

#ifdef __cplusplus
}
#endif
