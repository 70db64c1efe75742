#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Switches the kernel on or off for the whole process. It is on at start.
void kakeya_matmul_enable(bool on);

// Counts the products that the kernel has computed.
int64_t kakeya_matmul_calls(void);

#ifdef __cplusplus
}
#endif
