#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// An interrupt is a flag that llama.cpp looks at before each node of a graph.
typedef struct { atomic_bool raised; } kakeya_interrupt;

static inline kakeya_interrupt * kakeya_interrupt_new(void) {
    return (kakeya_interrupt *) calloc(1, sizeof(kakeya_interrupt));
}

static inline void kakeya_interrupt_set(kakeya_interrupt * i, bool raised) {
    atomic_store_explicit(&i->raised, raised, memory_order_relaxed);
}

static inline bool kakeya_interrupted(void * data) {
    return atomic_load_explicit(&((kakeya_interrupt *) data)->raised, memory_order_relaxed);
}
