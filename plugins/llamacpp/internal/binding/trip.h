#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A trip is a call through a lane of a link (docs/link.md), made without Go: on the way into Go and out of it again its
// scheduler wakes and moves threads, which costs a step more than the call does.

typedef struct {
    uint32_t * lane;      // NULL: there is none, or it is not to be used any more
    uint8_t *  message;   // of length bytes
    uint32_t   length, room;
    uint32_t   layers;    // how many fields of the message have the layer
    uint32_t   first, stride; // where they are
    double     patience;  // seconds that a call may take
} kakeya_trip;

enum { KAKEYA_TRIP_DONE, KAKEYA_TRIP_FAILED, KAKEYA_TRIP_OVERDUE };

// Keeps a copy of the message.
void kakeya_trip_set(kakeya_trip * t, const void * message, uint32_t length, uint32_t layers, uint32_t first, uint32_t stride);
void kakeya_trip_free(kakeya_trip * t);

// Makes the call for a layer and waits for the answer. FAILED: it is not one of success, or the link has ended. OVERDUE:
// there was none in time; the lane is not used again.
int kakeya_trip_run(kakeya_trip * t, uint32_t layer);
