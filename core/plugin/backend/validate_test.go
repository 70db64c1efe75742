package backend

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestGenerateRequestValidate(t *testing.T) {
	good := GenerateRequest{Prompt: Prompt{Text: "x"}, Sampling: DefaultSampling(), Stop: []string{"\n"}, TopLogprobs: MaxTopLogprobs}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	for field, change := range map[string]func(r *GenerateRequest){
		"prompt":            func(r *GenerateRequest) { r.Prompt.Tokens = []Token{1} },
		"temperature":       func(r *GenerateRequest) { r.Sampling.Temperature = nan },
		"top_p":             func(r *GenerateRequest) { r.Sampling.TopP = 1.01 },
		"min_p":             func(r *GenerateRequest) { r.Sampling.MinP = -0.01 },
		"typical_p":         func(r *GenerateRequest) { r.Sampling.TypicalP = nan },
		"repeat_penalty":    func(r *GenerateRequest) { r.Sampling.RepeatPenalty = -1 },
		"frequency_penalty": func(r *GenerateRequest) { r.Sampling.FrequencyPenalty = nan },
		"presence_penalty":  func(r *GenerateRequest) { r.Sampling.PresencePenalty = float32(math.Inf(1)) },
		"top_k":             func(r *GenerateRequest) { r.Sampling.TopK = -1 },
		"penalty_last_n":    func(r *GenerateRequest) { r.Sampling.PenaltyLastN = -2 },
		"logit_bias":        func(r *GenerateRequest) { r.Sampling.LogitBias = map[Token]float32{1: nan} },
		"max_tokens":        func(r *GenerateRequest) { r.MaxTokens = -1 },
		"top_logprobs":      func(r *GenerateRequest) { r.TopLogprobs = MaxTopLogprobs + 1 },
		"stop":              func(r *GenerateRequest) { r.Stop = []string{"a", ""} },
		"constraint":        func(r *GenerateRequest) { r.Constraint = Constraint{Grammar: "g", JSONSchema: "{}"} },
	} {
		r := good
		change(&r)
		if err := r.Validate(); !errors.Is(err, base.ErrInvalid) || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestLoadOptions(t *testing.T) {
	o := LoadOptions{}.WithDefaults(1000)
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if o.Context != 1000 || o.CacheTokens != 1000 || o.Parallel != 4 || o.Batch != 512 || o.PrefillChunk != 512 ||
		o.Queue != 256 || o.Threads < 1 || o.KVTypeK != "f16" || o.KVTypeV != "f16" {
		t.Errorf("defaults %+v", o)
	}
	if again := o.WithDefaults(9); again.Context != 1000 {
		t.Errorf("defaults changed what was given: %+v", again)
	}
	if o := (LoadOptions{}).WithDefaults(1 << 20); o.Context != DefaultContext {
		t.Errorf("context %d", o.Context)
	}
	for field, bad := range map[string]LoadOptions{
		"context": {Context: -1}, "parallel": {Parallel: -1}, "cache_tokens": {Context: 8, CacheTokens: 4},
		"batch": {Batch: -1}, "prefill_chunk": {PrefillChunk: -1}, "queue": {Queue: -1}, "threads": {Threads: -1},
		"gpu_layers": {GPULayers: -2}, "kv_type_k": {KVTypeK: "f32"}, "kv_type_v": {KVTypeV: "Q8_0"},
	} {
		if err := bad.Validate(); !errors.Is(err, base.ErrInvalid) || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
}
