#include "trip.h"

#include <stdlib.h>
#include <string.h>

void kakeya_trip_set(kakeya_trip * t, const void * message, uint32_t length, uint32_t layers, uint32_t first, uint32_t stride) {
    if (t->room < length) {
        free(t->message);
        t->message = malloc(length);
        t->room    = length;
    }
    memcpy(t->message, message, length);
    t->length = length;
    t->layers = layers;
    t->first  = first;
    t->stride = stride;
}

void kakeya_trip_free(kakeya_trip * t) { free(t->message); }

#ifdef __linux__

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STATE, SLEEPERS, LENGTH = 3, MESSAGE = 16 }; // words of a lane
enum { ASKED = 1, ANSWERED = 2, CUT = 3 };

// How often this side looks before it sleeps. It sleeps soon: the peer may need this very core.
enum { LOOKS = 20 };

static void wake(uint32_t * word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }

static void sleep_while(uint32_t * word, uint32_t state) {
    const struct timespec most = { 1, 0 };
    syscall(SYS_futex, word, FUTEX_WAIT, state, &most, NULL, 0);
}

static void look_away(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static uint32_t await(uint32_t * lane, double patience) {
    for (int i = 0; i < LOOKS; i++) {
        const uint32_t state = __atomic_load_n(&lane[STATE], __ATOMIC_SEQ_CST);
        if (state != ASKED) {
            return state;
        }
        look_away();
    }
    const double began = seconds();
    for (;;) {
        __atomic_add_fetch(&lane[SLEEPERS], 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&lane[STATE], __ATOMIC_SEQ_CST) == ASKED) {
            sleep_while(&lane[STATE], ASKED);
        }
        __atomic_sub_fetch(&lane[SLEEPERS], 1, __ATOMIC_SEQ_CST);
        const uint32_t state = __atomic_load_n(&lane[STATE], __ATOMIC_SEQ_CST);
        if (state != ASKED) {
            return state;
        }
        if (seconds() - began >= patience) {
            return ASKED;
        }
    }
}

int kakeya_trip_run(kakeya_trip * t, uint32_t layer) {
    uint32_t * lane = t->lane;
    for (uint32_t i = 0; i < t->layers; i++) {
        uint8_t * at = t->message + t->first + i*t->stride;
        for (int b = 0; b < 4; b++) {
            at[b] = (uint8_t) (layer >> 8*b);
        }
    }
    if (__atomic_load_n(&lane[STATE], __ATOMIC_SEQ_CST) == CUT) {
        return KAKEYA_TRIP_FAILED;
    }
    memcpy(&lane[MESSAGE], t->message, t->length);
    __atomic_store_n(&lane[LENGTH], t->length, __ATOMIC_SEQ_CST);
    uint32_t state = __atomic_load_n(&lane[STATE], __ATOMIC_SEQ_CST);
    do { // unless it is cut meanwhile
        if (state == CUT) {
            return KAKEYA_TRIP_FAILED;
        }
    } while (!__atomic_compare_exchange_n(&lane[STATE], &state, ASKED, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (__atomic_load_n(&lane[SLEEPERS], __ATOMIC_SEQ_CST) != 0) {
        wake(&lane[STATE]);
    }
    switch (await(lane, t->patience)) {
    case ANSWERED:
        return __atomic_load_n(&lane[LENGTH], __ATOMIC_SEQ_CST) == 1 && *(uint8_t *) &lane[MESSAGE] == 0 ? KAKEYA_TRIP_DONE : KAKEYA_TRIP_FAILED;
    case ASKED:
        t->lane = NULL;
        return KAKEYA_TRIP_OVERDUE;
    default:
        return KAKEYA_TRIP_FAILED;
    }
}

#else

int kakeya_trip_run(kakeya_trip * t, uint32_t layer) {
    (void) t;
    (void) layer;
    return KAKEYA_TRIP_FAILED;
}

#endif
