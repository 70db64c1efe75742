package config

import "github.com/kakeyad/kakeyad/core/plugin/backend"

// backend is the load options in the contract's words.
func (o LoadOptions) backend() backend.LoadOptions {
	return backend.LoadOptions{
		Context: o.Context, Parallel: o.Parallel, CacheTokens: o.CacheTokens, Batch: o.Batch,
		PrefillChunk: o.PrefillChunk, Queue: o.Queue, Threads: o.Threads, GPULayers: o.GPULayers,
		KVTypeK: o.KVTypeK, KVTypeV: o.KVTypeV, NoMmap: o.NoMmap, Extra: o.Extra,
	}
}
