// Stands where ggml writes rows, such as keys and values into a cache: see doc.go.

#include "op.h"
#include "rows.h"

#include <atomic>

struct ggml_tensor;

extern "C" void __real_ggml_compute_forward_set_rows(const ggml_compute_params * params, ggml_tensor * dst);
extern "C" void __wrap_ggml_compute_forward_set_rows(const ggml_compute_params * params, ggml_tensor * dst);
extern "C" void ggml_barrier(ggml_threadpool * pool); // ggml's own

static std::atomic<kakeya_rows_wants> wants;
static std::atomic<kakeya_rows_call>  call;

extern "C" void kakeya_rows_hook(kakeya_rows_wants w, kakeya_rows_call c) {
    call  = c;
    wants = w;
}

extern "C" void __wrap_ggml_compute_forward_set_rows(const ggml_compute_params * params, ggml_tensor * dst) {
    const kakeya_rows_wants w = wants;
    if (w != nullptr && kakeya_kernel_enabled(KAKEYA_ROWS) && w(dst)) {
        if (params->ith == 0) {
            call.load()(dst);
            kakeya_kernel_count(KAKEYA_ROWS);
        }
        ggml_barrier(params->threadpool);
    }
    __real_ggml_compute_forward_set_rows(params, dst);
}
