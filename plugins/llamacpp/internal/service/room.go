package service

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// checkRoom refuses a KV cache that the machine's free memory cannot hold. llama.cpp would get the
// memory promised, and the system would kill the process when it is written to.
func checkRoom(o backend.LoadOptions, t traits) error {
	free := freeMemory()
	if o.GPULayers != 0 || free == 0 {
		return nil
	}
	need := int64(o.CacheTokens) * t.kvBytesPerToken(o.KVTypeK, o.KVTypeV)
	if need > free {
		return fmt.Errorf("%w: %d KV cells take %d MiB, %d MiB are free: lower context or cache_tokens",
			base.ErrOutOfMemory, o.CacheTokens, need>>20, free>>20)
	}
	return nil
}
