#include "inner.h"

#include "llama-src/llama-context.h"
#include "reveal.h"

namespace {

struct scheduler {
    using type = ggml_backend_sched_ptr llama_context::*;
    friend type member(scheduler);
};

template struct reveal<scheduler, &llama_context::sched>;

} // namespace

extern "C" struct kakeya_memory kakeya_memory_of(const struct llama_context * ctx) {
    struct kakeya_memory sum = {0, 0, 0};
    for (const auto & part : ctx->memory_breakdown()) {
        sum.weights += (int64_t) part.second.model;
        sum.cache   += (int64_t) part.second.context;
        sum.compute += (int64_t) part.second.compute;
    }
    return sum;
}

extern "C" void kakeya_free_context(struct llama_context * ctx) {
    (ctx->*member(scheduler())).reset();
    llama_free(ctx);
}
