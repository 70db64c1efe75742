package binding

// #include <stdlib.h>
// #include <stdint.h>
// #include "llama.h"
// extern bool kakeyaProgress(float fraction, uintptr_t handle);
// static bool on_progress(float fraction, void *data) {
//     return kakeyaProgress(fraction, (uintptr_t)data);
// }
// static struct llama_model *load(const char *path, int32_t gpu_layers, bool use_mmap, bool repack, uintptr_t handle) {
//     struct llama_model_params p = llama_model_default_params();
//     p.n_gpu_layers = gpu_layers;
//     p.use_mmap = use_mmap;
//     p.use_extra_bufts = repack;
//     ggml_backend_dev_t no_devices[1] = {NULL};
//     if (gpu_layers == 0) {
//         p.devices = no_devices;
//     }
//     p.progress_callback = on_progress;
//     p.progress_callback_user_data = (void *)handle;
//     return llama_model_load_from_file(path, p);
// }
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels" // in place of some of ggml's; they know the plain layout of weights
)

// ErrStopped is LoadModel's error when progress asked to stop.
var ErrStopped = errors.New("loading was stopped")

// AllLayers as ModelParams.GPULayers puts the whole model on the GPU.
const AllLayers = 1 << 20

// ModelParams say how to read a model's weights.
type ModelParams struct {
	GPULayers int
	NoMmap    bool
	// Progress hears of fractions from 0 to 1 and answers whether to go on.
	Progress func(float32) bool
}

// Model is a model's weights and vocabulary. Its methods are safe for concurrent use.
type Model struct {
	c     *C.struct_llama_model
	vocab *C.struct_llama_vocab
}

// progress is what the callback of a running load works on.
type progress struct {
	call    func(float32) bool
	stopped bool
}

//export kakeyaProgress
func kakeyaProgress(fraction C.float, handle C.uintptr_t) C.bool {
	p := cgo.Handle(handle).Value().(*progress)
	if p.call != nil && !p.call(float32(fraction)) {
		p.stopped = true
	}
	return C.bool(!p.stopped)
}

// LoadModel reads a GGUF file. The error has llama.cpp's own reason.
func LoadModel(path string, params ModelParams) (*Model, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	p := &progress{call: params.Progress}
	handle := cgo.NewHandle(p)
	defer handle.Delete()

	errorsBefore := errorLines()
	c := C.load(name, C.int32_t(params.GPULayers), C.bool(!params.NoMmap), C.bool(!kernels.Exact()), C.uintptr_t(handle))
	switch {
	case c == nil && p.stopped:
		return nil, ErrStopped
	case c == nil:
		return nil, fmt.Errorf("llama.cpp: %s", whyFailed(errorsBefore))
	}
	return &Model{c: c, vocab: C.llama_model_get_vocab(c)}, nil
}

// Free returns the weights' memory. No Context may be left.
func (m *Model) Free() { C.llama_model_free(m.c) }

// Meta returns a scalar or string of the GGUF's metadata as text, "" when there is none.
func (m *Model) Meta(key string) string {
	k := C.CString(key)
	defer C.free(unsafe.Pointer(k))
	size := C.llama_model_meta_val_str(m.c, k, nil, 0)
	if size <= 0 {
		return ""
	}
	buf := make([]byte, int(size)+1)
	C.llama_model_meta_val_str(m.c, k, (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	return string(buf[:size])
}

// Shape is a model's measures.
type Shape struct {
	Parameters   int64
	Bytes        int64 // of all tensors
	Layers       int
	Embedding    int
	Heads        int
	KVHeads      int // of the first layer
	TrainContext int
}

// Shape returns the model's measures.
func (m *Model) Shape() Shape {
	return Shape{
		Parameters:   int64(C.llama_model_n_params(m.c)),
		Bytes:        int64(C.llama_model_size(m.c)),
		Layers:       int(C.llama_model_n_layer(m.c)),
		Embedding:    int(C.llama_model_n_embd(m.c)),
		Heads:        int(C.llama_model_n_head(m.c)),
		KVHeads:      int(C.llama_model_n_head_kv(m.c)),
		TrainContext: int(C.llama_model_n_ctx_train(m.c)),
	}
}

// HasEncoder says that the model has an encoder apart from its decoder, like T5.
func (m *Model) HasEncoder() bool { return bool(C.llama_model_has_encoder(m.c)) }

// Recurrent says that at least some layers keep a running state in place of a KV cache.
func (m *Model) Recurrent() bool {
	return bool(C.llama_model_is_recurrent(m.c)) || bool(C.llama_model_is_hybrid(m.c))
}

// Window is how many tokens the layers with a sliding window look back on, 0 when there are none.
func (m *Model) Window() int { return int(C.llama_model_n_swa(m.c)) }

// Diffusion says that the model does not generate from left to right.
func (m *Model) Diffusion() bool { return bool(C.llama_model_is_diffusion(m.c)) }
