package service

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
)

// Keys of LoadOptions.Extra.
const (
	keyPlugin  = "pjrt"    // path of a PJRT plugin, or none: pure Go
	keyWeights = "weights" // int8, bf16 or f32: what matrices are kept as
)

const (
	// sequencesPerSlot is how many sequences there are for each slot: those beyond the first
	// keep prefixes for later requests.
	sequencesPerSlot = 4
	defaultChunk     = 32
	defaultBatch     = 256
	noPlugin         = "none"
)

// check refuses options that no model could be loaded with, before the file is opened.
func check(o backend.LoadOptions, b backend.Bindings) error {
	if err := o.Validate(); err != nil {
		return err
	}
	cache, err := o.Cache.Resolve(b.Codec != nil)
	if err != nil {
		return err
	}
	if cache.Recent > 0 {
		return fmt.Errorf("cache.recent: %w by the gomlx backend: all tokens but the first pass through the codec at once", base.ErrUnsupported)
	}
	if o.GPULayers != 0 {
		return fmt.Errorf("gpu_layers: %w by the gomlx backend: a PJRT plugin computes all layers", base.ErrUnsupported)
	}
	for _, kv := range []struct{ name, kind string }{{"kv_type_k", o.KVTypeK}, {"kv_type_v", o.KVTypeV}} {
		if kv.kind != "" && kv.kind != backend.DefaultKVType {
			return fmt.Errorf("%s: %s: %w by the gomlx backend: it keeps keys and values in %s", kv.name, kv.kind, base.ErrUnsupported, backend.DefaultKVType)
		}
	}
	if most := executor.MaxSequences - 1; o.Parallel > most {
		return invalid("parallel", "%d is above %d", o.Parallel, most)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Extra)) {
		if key != keyPlugin && key != keyWeights {
			return invalid("extra."+key, "no such option; there are %s and %s", keyPlugin, keyWeights)
		}
	}
	if kind := o.Extra[keyWeights]; kind != "" {
		if _, known := model.Kinds[kind]; !known {
			return invalid("extra."+keyWeights, "%q is not int8, bf16 or f32", kind)
		}
	}
	return nil
}

// resolve fills in the defaults for a model. Nothing that check refuses may be given.
func resolve(o backend.LoadOptions, train int, d *device.Device) (backend.LoadOptions, error) {
	if o.PrefillChunk == 0 {
		o.PrefillChunk = defaultChunk
	}
	if o.Batch == 0 {
		o.Batch = max(defaultBatch, o.Parallel)
	}
	o = o.WithDefaults(train)
	o.Batch = min(o.Batch, o.CacheTokens)
	if o.Batch < o.Parallel {
		return o, invalid("batch", "%d is below parallel, which is %d", o.Batch, o.Parallel)
	}
	o.PrefillChunk = min(max(o.PrefillChunk, o.Parallel), o.Batch)
	extra := map[string]string{keyPlugin: o.Extra[keyPlugin], keyWeights: o.Extra[keyWeights]}
	switch {
	case !d.Compiles():
		extra[keyWeights] = "f32" // all that pure Go multiplies
	case extra[keyWeights] == "" && !d.Shares():
		extra[keyWeights] = "bf16"
	case extra[keyWeights] == "":
		extra[keyWeights] = "int8"
	}
	o.Extra = extra
	return o, nil
}

// executorOptions is what resolved options mean for an executor.
func executorOptions(o backend.LoadOptions) executor.Options {
	return executor.Options{
		Cells: o.CacheTokens, Batch: o.Batch, Sinks: max(0, o.Cache.Sinks),
		Sequences: min(sequencesPerSlot*o.Parallel, executor.MaxSequences-1),
	}
}

// cacheKind is what keys and values are kept as: 16 bits, as kv_type_k and kv_type_v say, where there are such numbers. A
// GPU's products are of bfloat16.
func cacheKind(d *device.Device) dtypes.DType {
	switch {
	case !d.Compiles():
		return dtypes.Float32
	case !d.Shares():
		return dtypes.BFloat16
	}
	return dtypes.Float16
}

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", field, base.ErrInvalid, fmt.Sprintf(format, args...))
}
