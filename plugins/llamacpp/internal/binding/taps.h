#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "llama.h"
#include "trip.h"

// Taps look at tensors of a graph, and may change them, while a step is being computed.

#define KAKEYA_TAP_NAMES 2 // most names of one tap

typedef struct {
    uintptr_t       handle;                   // of the Go side
    int             index;                    // which tap of the handle
    bool            cached;                   // learning: its tensors must be what the cache takes
    bool            inside;                   // it is called within the computation, see kakeya_taps_wants; else the graph is cut
    int             calls, trips;             // of the step, and those of them that were made without Go
    kakeya_trip     trip;                     // how to make them without Go
    void *          buffers[KAKEYA_TAP_NAMES]; // with a trip: where the tensors go, to be copied back when it is done
    size_t          bytes;                    // of each
    bool            resting;                  // nothing is looked at
    int             n_names;
    char            names[KAKEYA_TAP_NAMES][32];
    int             lengths[KAKEYA_TAP_NAMES];
    int             n_layers;
    bool *          wanted;                   // [n_layers]
    int *           expected;                 // [n_layers] nodes of these names, learned from the first graphs
    int *           seen;                     // [n_layers] of them, in the graph that is computed
    struct ggml_tensor ** tensors;            // [n_layers][KAKEYA_TAP_NAMES] the latest node of each name
    const struct ggml_tensor ** rows;         // [n_layers] cached: the node that writes the first of them into the cache
    int *           before;                   // [n_layers] learning: nodes seen before that one
    bool *          reached;                  // [n_layers] learning: that one was shown to us while it was computed
} kakeya_tap;

typedef struct {
    bool        learning; // expected is being counted, and nothing is called
    bool        failed;   // a call failed: the rest of the step is of no use
    bool        foreign;  // learning: what the cache takes is no tensor of the tap
    int         n;
    kakeya_tap  taps[4];
} kakeya_taps;

kakeya_taps * kakeya_taps_new(void);
void          kakeya_taps_free(kakeya_taps * t);
kakeya_tap *  kakeya_taps_add(kakeya_taps * t, uintptr_t handle, int n_layers, const bool * wanted);
void          kakeya_tap_name(kakeya_tap * t, const char * name);

// A step begins, which only one at a time can in a process, and ends.
void kakeya_taps_begin(kakeya_taps * t);
void kakeya_taps_end(void);

// Whether a graph with all wanted nodes of a tap was seen; *layer is one that lacks them. From then on the tap is called
// within the computation where that can be.
bool kakeya_tap_learned(kakeya_tap * t, int * layer);

bool kakeya_taps_eval(struct ggml_tensor * node, bool ask, void * taps);

// Whether a node that writes rows is one before which a tap of the running step is to be called, and that call. They are
// the hook of package kernels.
bool kakeya_taps_wants(const struct ggml_tensor * node);
void kakeya_taps_call(const struct ggml_tensor * node);

// Copies a tensor [n0, n1, n2, 1] that may have gaps between its rows, of n0 elements.
void kakeya_tensor_read (const struct ggml_tensor * t, void * to);
void kakeya_tensor_write(struct ggml_tensor * t, const void * from);
