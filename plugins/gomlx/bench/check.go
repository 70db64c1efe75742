package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// check computes the small models of the executor's testdata on the device, all tokens at once and one after the other, and
// says how far the farthest logit is from numpy's.
func check(d *device.Device, folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "goldens.json"))
	if err != nil {
		return err
	}
	goldens := map[string]struct {
		Tokens []int32
		Logits [][]float64
	}{}
	if err := json.Unmarshal(text, &goldens); err != nil {
		return err
	}
	for _, name := range []string{"llama", "qwen2", "qwen3", "gemma3"} {
		for how, kind := range map[string]dtypes.DType{"32 bits": dtypes.Float32, "16 bits": dtypes.BFloat16} {
			g := goldens[name]
			far, err := distance(d, filepath.Join(folder, name+".gguf"), kind, g.Tokens, g.Logits)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			say(map[string]any{"check": name, "in": how, "farthest logit": far})
		}
	}
	return nil
}

func distance(d *device.Device, path string, kind dtypes.DType, tokens []int32, want [][]float64) (far float64, err error) {
	f, err := weights.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	c, err := arch.Read(f)
	if err != nil {
		return 0, err
	}
	m, err := model.Load(context.Background(), f, d, c, model.Options{Weights: kind, Cache: kind, Compute: kind, Written: true}, func(float32) {})
	if err != nil {
		return 0, err
	}
	defer m.Free()
	x, err := executor.New(m, executor.Options{Cells: 256, Batch: 16, Sequences: 2, Tokens: []int{1, 16}})
	if err != nil {
		return 0, err
	}
	defer x.Close()
	if err := x.Compile(func(float32) error { return nil }); err != nil {
		return 0, err
	}
	compare := func(n int, want []float64) {
		for i, l := range x.Logits(n) {
			far = max(far, math.Abs(float64(l)-want[i]))
		}
	}
	var items []engine.Item
	for i, t := range tokens {
		items = append(items, engine.Item{Token: t, Pos: int32(i), Output: true})
	}
	if err := x.Step(items); err != nil {
		return 0, err
	}
	for i := range items {
		compare(i, want[i])
	}
	for i, it := range items {
		it.Seq = 1
		if err := x.Step([]engine.Item{it}); err != nil {
			return 0, err
		}
		compare(0, want[i])
	}
	return far, nil
}
