// Package binding is the package of kakeyad that calls llama.cpp. It wraps what the llamacpp plugin
// needs of llama.cpp, no more: models, contexts, decoding, the KV cache's bookkeeping, vocabulary,
// threads and log lines. It holds no policy and no locks.
//
// llama.cpp itself is compiled by the Go package github.com/ollama/ollama/llama, which this
// package imports to link it and to start its backends. That package keeps its pointers to
// itself and lacks half of the calls, so the calls here go to llama.h directly.
//
// # Ownership
//
// A Model outlives its Contexts; a Pool and an Interrupt outlive the Contexts that have
// them. Whoever makes one of these frees it, once. A Context is used by one goroutine at a time.
//
// # Faults
//
// llama.cpp aborts the process when its assertions fail. Callers check their arguments first;
// what remains kills this plugin's process and no other.
package binding

// #include "llama.h"
import "C"

import (
	"sync"

	"github.com/ollama/ollama/llama"

	_ "github.com/kakeyad/kakeyad/plugins/llamacpp/internal/relax" // linked with llama.cpp
)

// Start makes ggml's backends known (the CPU's, and those of GPUs that are compiled in or found
// as libraries). It works once; later calls do nothing.
var Start = sync.OnceFunc(func() {
	keepMemory()
	redirectLog()
	llama.BackendInit()
})

// SupportsGPU says whether a GPU backend is present. Call Start first.
func SupportsGPU() bool { return bool(C.llama_supports_gpu_offload()) }

// MaxSequences is the most sequences that one context can tell apart.
func MaxSequences() int { return int(C.llama_max_parallel_sequences()) }
