#include "memory.h"

#include "llama-src/llama-context.h"

extern "C" struct kakeya_memory kakeya_memory_of(const struct llama_context * ctx) {
    struct kakeya_memory sum = {0, 0, 0};
    for (const auto & part : ctx->memory_breakdown()) {
        sum.weights += (int64_t) part.second.model;
        sum.cache   += (int64_t) part.second.context;
        sum.compute += (int64_t) part.second.compute;
    }
    return sum;
}
