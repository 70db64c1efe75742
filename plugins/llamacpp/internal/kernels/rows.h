// A look at rows that are about to be written, within the computation.
#pragma once

#include <stdbool.h>

struct ggml_tensor;

#ifdef __cplusplus
extern "C" {
#endif

typedef bool (*kakeya_rows_wants)(const struct ggml_tensor * node);
typedef void (*kakeya_rows_call)(const struct ggml_tensor * node);

// From now on every node that writes rows is shown to wants, by each thread of the computation, which must all get the
// same answer. Where it is true one of them, the one that began the computation, calls call while the others wait.
void kakeya_rows_hook(kakeya_rows_wants wants, kakeya_rows_call call);

#ifdef __cplusplus
}
#endif
