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
    memcpy(tap->wanted, wanted, n_layers * sizeof(bool));
    return tap;
}

void kakeya_tap_name(kakeya_tap * t, const char * name) {
    const int i = t->n_names++;
    strncpy(t->names[i], name, sizeof(t->names[i]) - 1);
    t->lengths[i] = (int) strlen(t->names[i]);
}

void kakeya_taps_begin(kakeya_taps * t) {
    t->failed = false;
    for (int i = 0; i < t->n; i++) {
        memset(t->taps[i].seen, 0, t->taps[i].n_layers * sizeof(int));
    }
}

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

// Whether a node that writes rows of keys or values into the cache takes them from the tap's tensors.
static bool feeds_cache(const kakeya_tap * t, const struct ggml_tensor * node) {
    static const char * const caches[KAKEYA_TAP_NAMES] = { "cache_k_l", "cache_v_l" };
    const struct ggml_tensor * cache = node->view_src ? node->view_src : node;
    for (int i = 0; i < KAKEYA_TAP_NAMES; i++) {
        const size_t length = strlen(caches[i]);
        if (strncmp(cache->name, caches[i], length) == 0) {
            const int layer = atoi(cache->name + length);
            if (layer >= t->n_layers || !t->wanted[layer]) {
                return true;
            }
            const struct ggml_tensor * tensor = t->tensors[layer*KAKEYA_TAP_NAMES + i];
            return t->seen[layer] > 0 && tensor != NULL && tensor->data == node->src[0]->data;
        }
    }
    return true;
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
            if (!kakeyaTap(tap->handle, tap->index, layer, &tap->tensors[layer*KAKEYA_TAP_NAMES])) {
                t->failed = true;
                return false;
            }
            continue;
        }
        if (t->learning && tap->cached && node->op == GGML_OP_SET_ROWS && !feeds_cache(tap, node)) {
            t->foreign = true;
        }
        const int layer = note(tap, node);
        if (layer < 0) {
            continue;
        }
        tap->seen[layer]++;
        if (t->learning) {
            tap->expected[layer] = tap->seen[layer] > tap->expected[layer] ? tap->seen[layer] : tap->expected[layer];
        } else if (tap->seen[layer] == tap->expected[layer]) {
            return true; // no other tap can want the same node: names are of one tap
        }
    }
    return !ask;
}

bool kakeya_tap_learned(const kakeya_tap * t, int * layer) {
    for (int l = 0; l < t->n_layers; l++) {
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
