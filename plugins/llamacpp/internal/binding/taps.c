#include "taps.h"

#include <stdlib.h>
#include <string.h>

#include "ggml-backend.h"

extern bool kakeyaTap(uintptr_t handle, int index, int layer, struct ggml_tensor ** tensors);

kakeya_taps * kakeya_taps_new(void) { return calloc(1, sizeof(kakeya_taps)); }

void kakeya_taps_free(kakeya_taps * t) {
    for (int i = 0; i < t->n; i++) {
        free(t->taps[i].wanted);
        free(t->taps[i].expected);
        free(t->taps[i].seen);
        free(t->taps[i].tensors);
        free(t->taps[i].rows);
        free(t->taps[i].before);
        free(t->taps[i].reached);
        kakeya_trip_free(&t->taps[i].trip);
    }
    free(t);
}

kakeya_tap * kakeya_taps_add(kakeya_taps * t, uintptr_t handle, int n_layers, const bool * wanted) {
    if (t->n == (int) (sizeof(t->taps) / sizeof(t->taps[0]))) {
        return NULL;
    }
    kakeya_tap * tap = &t->taps[t->n];
    tap->handle   = handle;
    tap->index    = t->n++;
    tap->n_layers = n_layers;
    tap->wanted   = calloc(n_layers, sizeof(bool));
    tap->expected = calloc(n_layers, sizeof(int));
    tap->seen     = calloc(n_layers, sizeof(int));
    tap->tensors  = calloc(n_layers * KAKEYA_TAP_NAMES, sizeof(struct ggml_tensor *));
    tap->rows     = calloc(n_layers, sizeof(struct ggml_tensor *));
    tap->before   = calloc(n_layers, sizeof(int));
    tap->reached  = calloc(n_layers, sizeof(bool));
    memcpy(tap->wanted, wanted, n_layers * sizeof(bool));
    return tap;
}

void kakeya_tap_name(kakeya_tap * t, const char * name) {
    const int i = t->n_names++;
    strncpy(t->names[i], name, sizeof(t->names[i]) - 1);
    t->lengths[i] = (int) strlen(t->names[i]);
}

static kakeya_taps * running; // of the step that is computed

void kakeya_taps_begin(kakeya_taps * t) {
    t->failed = false;
    for (int i = 0; i < t->n; i++) {
        t->taps[i].calls = t->taps[i].trips = 0;
        memset(t->taps[i].seen, 0, t->taps[i].n_layers * sizeof(int));
        memset(t->taps[i].rows, 0, t->taps[i].n_layers * sizeof(struct ggml_tensor *));
    }
    running = t;
}

void kakeya_taps_end(void) { running = NULL; }

// The layer of a node called <name>-<layer>, -1 when it is called otherwise.
static int layer_of(const char * node, const char * name, int length) {
    if (strncmp(node, name, length) != 0 || node[length] != '-') {
        return -1;
    }
    int layer = 0;
    const char * at = node + length + 1;
    if (*at == 0) {
        return -1;
    }
    for (; *at; at++) {
        if (*at < '0' || *at > '9' || layer > 100000) {
            return -1;
        }
        layer = 10*layer + (*at - '0');
    }
    return layer;
}

// Notes that a node is one of the tap's. Returns its layer, -1 when it is not.
static int note(kakeya_tap * t, struct ggml_tensor * node) {
    if (t->resting) {
        return -1;
    }
    for (int i = 0; i < t->n_names; i++) {
        const int layer = layer_of(node->name, t->names[i], t->lengths[i]);
        if (layer >= 0 && layer < t->n_layers && t->wanted[layer]) {
            t->tensors[layer*KAKEYA_TAP_NAMES + i] = node;
            return layer;
        }
    }
    return -1;
}

// Which cache's rows a node writes, of keys (0) or values (1), and its layer; -1: neither.
static int cache_of(const struct ggml_tensor * node, int * layer) {
    static const char * const caches[KAKEYA_TAP_NAMES] = { "cache_k_l", "cache_v_l" };
    const struct ggml_tensor * cache = node->view_src ? node->view_src : node;
    for (int i = 0; i < KAKEYA_TAP_NAMES; i++) {
        const size_t length = strlen(caches[i]);
        if (strncmp(cache->name, caches[i], length) == 0) {
            *layer = atoi(cache->name + length);
            return i;
        }
    }
    return -1;
}

// Notes a node that writes rows of keys or values into the cache. Returns whether it takes them from the tap's tensors.
static bool feeds_cache(kakeya_tap * t, const struct ggml_tensor * node) {
    int layer;
    const int i = cache_of(node, &layer);
    if (i < 0 || layer >= t->n_layers || !t->wanted[layer]) {
        return true;
    }
    if (i == 0) {
        t->rows[layer]   = node;
        t->before[layer] = t->seen[layer];
    }
    const struct ggml_tensor * tensor = t->tensors[layer*KAKEYA_TAP_NAMES + i];
    return t->seen[layer] > 0 && tensor != NULL && tensor->data == node->src[0]->data;
}

// The tap that is to be called before a node that writes rows, and for which layer; NULL: none.
static kakeya_tap * tap_of(const struct ggml_tensor * node, int * layer) {
    if (running == NULL || cache_of(node, layer) != 0) {
        return NULL;
    }
    for (int i = 0; i < running->n; i++) {
        kakeya_tap * t = &running->taps[i];
        if (t->cached && !t->resting && *layer < t->n_layers && t->rows[*layer] == node && (t->inside || running->learning)) {
            return t;
        }
    }
    return NULL;
}

bool kakeya_taps_wants(const struct ggml_tensor * node) {
    int layer;
    return tap_of(node, &layer) != NULL;
}

// Makes the call without Go.
static int run_trip(kakeya_tap * t, int layer) {
    struct ggml_tensor ** tensors = &t->tensors[layer*KAKEYA_TAP_NAMES];
    for (int i = 0; i < t->n_names; i++) {
        if (tensors[i]->type != GGML_TYPE_F32 || (size_t) ggml_nelements(tensors[i])*4 != t->bytes) {
            return KAKEYA_TRIP_FAILED;
        }
        kakeya_tensor_read(tensors[i], t->buffers[i]);
    }
    const int outcome = kakeya_trip_run(&t->trip, (uint32_t) layer);
    for (int i = 0; i < t->n_names && outcome == KAKEYA_TRIP_DONE; i++) {
        kakeya_tensor_write(tensors[i], t->buffers[i]);
    }
    return outcome;
}

static void call(kakeya_taps * all, kakeya_tap * t, int layer) {
    t->calls++;
    const int outcome = t->trip.lane != NULL && t->trip.length > 0 ? run_trip(t, layer) : KAKEYA_TRIP_FAILED;
    if (outcome == KAKEYA_TRIP_DONE) {
        t->trips++;
        return;
    }
    // Go makes the call, and finds out what is wrong if something is. Without tensors: the trip was not answered.
    if (!kakeyaTap(t->handle, t->index, layer, outcome == KAKEYA_TRIP_OVERDUE ? NULL : &t->tensors[layer*KAKEYA_TAP_NAMES])) {
        all->failed = true;
    }
}

void kakeya_taps_call(const struct ggml_tensor * node) {
    int layer;
    kakeya_tap * t = tap_of(node, &layer);
    if (running->learning) {
        t->reached[layer] = true;
    } else if (!running->failed) {
        call(running, t, layer);
    }
}

bool kakeya_taps_eval(struct ggml_tensor * node, bool ask, void * data) {
    kakeya_taps * t = data;
    if (t->failed) {
        return false;
    }
    for (int i = 0; i < t->n; i++) {
        kakeya_tap * tap = &t->taps[i];
        if (!ask) {
            const int layer = note(tap, node);
            if (layer < 0) {
                continue;
            }
            call(t, tap, layer);
            if (t->failed) {
                return false;
            }
            continue;
        }
        if (tap->cached && node->op == GGML_OP_SET_ROWS && !feeds_cache(tap, node) && t->learning) {
            t->foreign = true;
        }
        const int layer = note(tap, node);
        if (layer < 0) {
            continue;
        }
        tap->seen[layer]++;
        if (t->learning) {
            tap->expected[layer] = tap->seen[layer] > tap->expected[layer] ? tap->seen[layer] : tap->expected[layer];
        } else if (!tap->inside && tap->seen[layer] == tap->expected[layer]) {
            return true; // no other tap can want the same node: names are of one tap
        }
    }
    return !ask;
}

bool kakeya_tap_learned(kakeya_tap * t, int * layer) {
    t->inside = t->cached;
    for (int l = 0; l < t->n_layers; l++) {
        if (t->wanted[l] && (!t->reached[l] || t->before[l] != t->expected[l])) {
            t->inside = false;
        }
        for (int i = 0; i < t->n_names; i++) {
            if (t->wanted[l] && t->tensors[l*KAKEYA_TAP_NAMES + i] == NULL) {
                *layer = l;
                return false;
            }
        }
    }
    return true;
}

void kakeya_tensor_read(const struct ggml_tensor * t, void * to) {
    if (ggml_is_contiguous(t)) {
        ggml_backend_tensor_get(t, to, 0, ggml_nbytes(t));
        return;
    }
    const size_t row = ggml_row_size(t->type, t->ne[0]);
    for (int64_t i2 = 0; i2 < t->ne[2]; i2++) {
        for (int64_t i1 = 0; i1 < t->ne[1]; i1++) {
            ggml_backend_tensor_get(t, (char *) to + (i2*t->ne[1] + i1)*row, i2*t->nb[2] + i1*t->nb[1], row);
        }
    }
}

void kakeya_tensor_write(struct ggml_tensor * t, const void * from) {
    if (ggml_is_contiguous(t)) {
        ggml_backend_tensor_set(t, from, 0, ggml_nbytes(t));
        return;
    }
    const size_t row = ggml_row_size(t->type, t->ne[0]);
    for (int64_t i2 = 0; i2 < t->ne[2]; i2++) {
        for (int64_t i1 = 0; i1 < t->ne[1]; i1++) {
            ggml_backend_tensor_set(t, (const char *) from + (i2*t->ne[1] + i1)*row, i2*t->nb[2] + i1*t->nb[1], row);
        }
    }
}
