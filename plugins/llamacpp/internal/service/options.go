package service

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// Keys of LoadOptions.Extra.
const (
	keyFlash = "flash_attn" // auto, on or off
	keyPoll  = "poll"       // 0 to 100: how long idle threads spin before they sleep
)

const (
	// sequencesPerSlot is how many sequences there are for each slot: those beyond the first
	// keep prefixes for later requests.
	sequencesPerSlot = 4
	defaultChunk     = 32
	defaultPoll      = "1"
	quantBlock       = 32 // numbers that share a scale in q8_0 and q4_0
)

var flashModes = map[string]binding.FlashAttention{
	"auto": binding.FlashAuto,
	"on":   binding.FlashOn,
	"off":  binding.FlashOff,
}

var kvTypes = map[string]binding.KVType{
	"f16":  binding.KVF16,
	"q8_0": binding.KVQ8,
	"q4_0": binding.KVQ4,
}

// check refuses options that no model could be loaded with, before the file is opened.
func check(o backend.LoadOptions, b backend.Bindings) error {
	if err := o.Validate(); err != nil {
		return err
	}
	cache, err := o.Cache.Resolve(b.Codec != nil)
	if err != nil {
		return err
	}
	if cache.Mode == backend.CacheResident {
		return fmt.Errorf("cache.mode: resident: %w by the llamacpp backend: use parked or live, or the backend gomlx", base.ErrUnsupported)
	}
	if o.GPULayers != 0 && !binding.SupportsGPU() {
		return fmt.Errorf("gpu_layers: this build of llama.cpp finds no GPU: %w", base.ErrUnsupported)
	}
	for _, n := range []struct {
		name       string
		value, max int
	}{
		{"parallel", o.Parallel, binding.MaxSequences()},
		{"threads", o.Threads, binding.MaxThreads},
	} {
		if n.value > n.max {
			return invalid(n.name, "%d is above %d", n.value, n.max)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Extra)) {
		if key != keyFlash && key != keyPoll {
			return invalid("extra."+key, "no such option; there are %s and %s", keyFlash, keyPoll)
		}
	}
	flash := valueOr(o.Extra[keyFlash], "auto")
	if _, known := flashModes[flash]; !known {
		return invalid("extra."+keyFlash, "%q is not auto, on or off", flash)
	}
	if poll, err := strconv.Atoi(valueOr(o.Extra[keyPoll], defaultPoll)); err != nil || poll < 0 || poll > 100 {
		return invalid("extra."+keyPoll, "%q is not a number from 0 to 100", o.Extra[keyPoll])
	}
	if flash == "off" && o.KVTypeV != "" && o.KVTypeV != "f16" {
		return invalid("kv_type_v", "%s needs flash attention, which extra.%s switches off", o.KVTypeV, keyFlash)
	}
	return nil
}

// resolve fills in the defaults for a model. Nothing that check refuses may be given.
func resolve(o backend.LoadOptions, t traits) (backend.LoadOptions, error) {
	if o.PrefillChunk == 0 {
		o.PrefillChunk = defaultChunk
	}
	o = o.WithDefaults(t.TrainContext)
	if t.whole {
		if o.Context > t.TrainContext {
			return o, invalid("context", "%d is above the %d tokens that this model can embed at once", o.Context, t.TrainContext)
		}
		o.Batch = o.Context
	}
	o.Batch = min(o.Batch, o.CacheTokens)
	if o.Batch < o.Parallel {
		return o, invalid("batch", "%d is below parallel, which is %d", o.Batch, o.Parallel)
	}
	o.PrefillChunk = min(max(o.PrefillChunk, o.Parallel), o.Batch)
	for _, kv := range []struct{ name, kind string }{{"kv_type_k", o.KVTypeK}, {"kv_type_v", o.KVTypeV}} {
		if kv.kind != "f16" && t.headDim%quantBlock != 0 {
			return o, invalid(kv.name, "%s needs a head_dim that %d divides, this model's is %d", kv.kind, quantBlock, t.headDim)
		}
	}
	o.Extra = map[string]string{
		keyFlash: valueOr(o.Extra[keyFlash], "auto"),
		keyPoll:  valueOr(o.Extra[keyPoll], defaultPoll),
	}
	return o, nil
}

// executorOptions is what resolved options mean for an executor.
func executorOptions(o backend.LoadOptions, t traits) executor.Options {
	poll, _ := strconv.Atoi(o.Extra[keyPoll]) // check has looked at it
	return executor.Options{
		Cells:     o.CacheTokens,
		Batch:     o.Batch,
		Sequences: min(sequencesPerSlot*o.Parallel, binding.MaxSequences()),
		Threads:   compute.Threads{Count: o.Threads, Poll: poll},
		Flash:     flashModes[o.Extra[keyFlash]],
		K:         kvTypes[o.KVTypeK],
		V:         kvTypes[o.KVTypeV],
		Pooling:   t.pooling,
		EmbedOnly: !t.generative,
		Whole:     t.whole,
	}
}

func valueOr(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return strings.ToLower(value)
}

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", field, base.ErrInvalid, fmt.Sprintf(format, args...))
}
