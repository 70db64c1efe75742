#include "op.h"

#include <atomic>

static std::atomic<bool>    off[KAKEYA_KERNELS];
static std::atomic<int64_t> calls[KAKEYA_KERNELS];

extern "C" void    kakeya_kernel_enable(int kernel, bool on) { off[kernel] = !on; }
extern "C" bool    kakeya_kernel_enabled(int kernel) { return !off[kernel].load(std::memory_order_relaxed); }
extern "C" void    kakeya_kernel_count(int kernel) { calls[kernel]++; }
extern "C" int64_t kakeya_kernel_calls(int kernel) { return calls[kernel]; }
