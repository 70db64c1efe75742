package backend

import (
	"fmt"
	"runtime"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// What the zero values of LoadOptions stand for, where it does not depend on the backend.
const (
	DefaultContext  = 4096
	DefaultParallel = 4
	DefaultBatch    = 512
	DefaultQueue    = 256
	DefaultKVType   = "f16"
)

// kvTypes are the element types of a KV cache.
var kvTypes = map[string]bool{"": true, "f16": true, "q8_0": true, "q4_0": true}

// Validate refuses what no backend can load, with an ErrInvalid that names the option.
func (o LoadOptions) Validate() error {
	for _, n := range []struct {
		name       string
		value, min int
	}{
		{"context", o.Context, 0},
		{"parallel", o.Parallel, 0},
		{"cache_tokens", o.CacheTokens, 0},
		{"batch", o.Batch, 0},
		{"prefill_chunk", o.PrefillChunk, 0},
		{"queue", o.Queue, 0},
		{"threads", o.Threads, 0},
		{"gpu_layers", o.GPULayers, -1},
	} {
		if n.value < n.min {
			return invalid(n.name, "%d is below %d", n.value, n.min)
		}
	}
	if o.CacheTokens != 0 && o.CacheTokens < o.Context {
		return invalid("cache_tokens", "%d is below context, which is %d", o.CacheTokens, o.Context)
	}
	if !kvTypes[o.KVTypeK] {
		return invalid("kv_type_k", "%q is not f16, q8_0 or q4_0", o.KVTypeK)
	}
	if !kvTypes[o.KVTypeV] {
		return invalid("kv_type_v", "%q is not f16, q8_0 or q4_0", o.KVTypeV)
	}
	return nil
}

// WithDefaults replaces zeros by what they stand for, given the tokens that the model was trained
// for. PrefillChunk becomes Batch.
func (o LoadOptions) WithDefaults(trainContext int) LoadOptions {
	if o.Context == 0 {
		o.Context = DefaultContext
		if trainContext > 0 {
			o.Context = min(o.Context, trainContext)
		}
	}
	o.Parallel = or(o.Parallel, DefaultParallel)
	o.CacheTokens = max(o.CacheTokens, o.Context)
	o.Batch = or(o.Batch, DefaultBatch)
	o.PrefillChunk = or(o.PrefillChunk, o.Batch)
	o.Queue = or(o.Queue, DefaultQueue)
	o.Threads = or(o.Threads, runtime.GOMAXPROCS(0))
	o.KVTypeK = or(o.KVTypeK, DefaultKVType)
	o.KVTypeV = or(o.KVTypeV, DefaultKVType)
	return o
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", field, base.ErrInvalid, fmt.Sprintf(format, args...))
}
