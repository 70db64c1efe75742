#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Switches the kernel on or off for the whole process. It is on at start.
void kakeya_attention_enable(bool on);

// Counts the operations that the kernel has computed.
int64_t kakeya_attention_calls(void);

#ifdef __cplusplus
}
#endif
