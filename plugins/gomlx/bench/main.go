// Command bench measures how fast a device generates with llama models of random weights: tokens a second of so many streams,
// and which share that is of what the device's memory allows, which reads all matrices once a step and every stream's keys
// and values. It prints a line of JSON for each. No model file is needed; what it is compared with is transformers_peer.py.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/bits"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

var (
	plugin   = flag.String("pjrt", "", "path of the PJRT plugin; empty: the one that the backend finds")
	models   = flag.String("models", "135m,1b,8b", "shapes")
	caches   = flag.String("caches", "16bit,q38", "what the cache holds: 16bit, or q<range>: integers of E8 points")
	streams  = flag.String("streams", "1,8,64", "numbers of streams")
	before   = flag.Int("context", 128, "tokens of each stream before what is measured")
	tokens   = flag.Int("new", 64, "tokens of each stream that are measured")
	seconds  = flag.Float64("seconds", 400, "begin nothing more after so many")
	kind     = flag.String("weights", "bf16", "what matrices are kept as")
	written  = flag.Bool("written", false, "programs write the cache, on a device of any memory")
	testdata = flag.String("check", "", "folder of the executor's testdata: check small models against numpy's logits first")
	rounds   = flag.Int("rounds", 3, "times that it is measured; the best counts")
)

// shape is a model's.
type shape struct{ width, inner, layers, heads, kvHeads, vocabulary int }

var shapes = map[string]shape{
	"135m": {576, 1536, 30, 9, 3, 49152},
	"1b":   {2048, 8192, 16, 32, 8, 128256},
	"8b":   {4096, 14336, 32, 32, 8, 128256},
}

func (s shape) config() arch.Config {
	dim := s.width / s.heads
	return arch.Config{
		Name: "llama", Layers: s.layers, Width: s.width, Inner: s.inner, Heads: s.heads, KVHeads: s.kvHeads, HeadDim: dim,
		TrainContext: 1 << 17, Epsilon: 1e-5, EmbeddingScale: 1, ScoreScale: 1 / math.Sqrt(float64(dim)), RopeBase: 10000, RopeScale: 1,
	}
}

// errLate says that no time is left.
var errLate = errors.New("no time is left for more")

func main() {
	flag.Parse()
	if err := run(time.Now()); err != nil && !errors.Is(err, errLate) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(begun time.Time) error {
	d, err := device.Open(device.Find(*plugin), 0)
	if err != nil {
		return err
	}
	if *testdata != "" {
		if err := check(d, *testdata); err != nil {
			return err
		}
	}
	limit, err := bandwidth(d)
	if err != nil {
		return err
	}
	say(map[string]any{"device": d.String(), "bytes/s": math.Round(limit)})
	for name := range strings.SplitSeq(*models, ",") {
		s, known := shapes[name]
		if !known {
			return fmt.Errorf("no model %q", name)
		}
		if err := measureModel(d, name, s, limit, begun); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func measureModel(d *device.Device, name string, s shape, limit float64, begun time.Time) error {
	c := s.config()
	m, err := model.Random(d, c, s.vocabulary, model.Options{Weights: model.Kinds[*kind], Cache: dtypes.BFloat16, Written: *written})
	if err != nil {
		return err
	}
	defer m.Free()
	for number := range strings.SplitSeq(*streams, ",") {
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		for cache := range strings.SplitSeq(*caches, ",") {
			if time.Since(begun).Seconds() > *seconds {
				return errLate
			}
			o := model.Options{Weights: model.Kinds[*kind], Cache: dtypes.BFloat16, Written: *written}
			if o.Packed, err = packed(cache, c.HeadDim); err != nil {
				return err
			}
			for range c.Layers {
				o.Packs = append(o.Packs, true)
			}
			line, err := measure(m.Share(o), s, n, limit)
			if err != nil {
				return fmt.Errorf("%d streams, %s: %w", n, cache, err)
			}
			line["model"], line["cache"], line["streams"], line["context"] = name, cache, n, *before
			say(line)
		}
	}
	return nil
}

// packed is how a cache is, nil: of 16-bit numbers.
func packed(cache string, dim int) (*net.Packed, error) {
	if cache == "16bit" {
		return nil, nil
	}
	q, err := strconv.Atoi(strings.TrimPrefix(cache, "q"))
	if err != nil {
		return nil, fmt.Errorf("cache %q: %w", cache, err)
	}
	r := make([]float32, dim*dim) // Hadamard's
	for i := range r {
		r[i] = float32(1 / math.Sqrt(float64(dim)))
		if bits.OnesCount(uint(i/dim)&uint(i%dim))%2 == 1 {
			r[i] = -r[i]
		}
	}
	return &net.Packed{Lattice: net.E8, Range: q, Gain: math.Sqrt(float64(dim)), ScaleBits: 7, Rotation: r}, nil
}

// measure lets streams generate, all together.
func measure(m *model.Model, s shape, n int, limit float64) (map[string]any, error) {
	cells := n * (*before + *tokens)
	blocks := (cells + net.Block - 1) / net.Block
	x, err := executor.New(m, executor.Options{Cells: cells, Batch: n, Sequences: n, Tokens: []int{n}, Blocks: []int{blocks}})
	if err != nil {
		return nil, err
	}
	defer x.Close()
	begun := time.Now()
	if err := x.Compile(func(float32) error { return nil }); err != nil {
		return nil, err
	}
	compile := time.Since(begun)
	items := make([]engine.Item, n)
	step := func(position int) error {
		for i := range items {
			items[i] = engine.Item{Token: int32((position*31 + i*17) % s.vocabulary), Pos: int32(position), Seq: engine.SeqID(i), Output: true}
		}
		return x.Step(items)
	}
	if err := fill(x, n, step); err != nil {
		return nil, err
	}
	best := math.Inf(1)
	for range *rounds {
		begun = time.Now()
		for position := *before; position < *before+*tokens; position++ {
			if err := step(position); err != nil {
				return nil, err
			}
		}
		best = min(best, time.Since(begun).Seconds()/float64(*tokens))
		for i := range n {
			x.SeqRemove(engine.SeqID(i), int32(*before), -1)
		}
	}
	sum := 0.0
	for _, l := range x.Logits(0) {
		sum += float64(l)
	}
	if math.IsNaN(sum) {
		return nil, errors.New("the logits are not numbers")
	}
	row := float64(x.CacheBytes()) / float64(blocks*net.Block)
	read := float64(m.Bytes) + float64(n)*(float64(*before)+float64(*tokens)/2)*row
	return map[string]any{
		"tokens/s": round(float64(n)/best, 1), "ms a step": round(best*1e3, 3), "share of bandwidth": round(read/best/limit, 4),
		"bytes a token": round(row, 0), "compile s": round(compile.Seconds(), 1),
	}, nil
}

// fill brings streams to where measuring begins: the first page is computed, and stands in for the others too.
func fill(x *executor.Executor, n int, step func(position int) error) error {
	for position := range min(*before, backend.PageTokens) {
		if err := step(position); err != nil {
			return err
		}
	}
	position := backend.PageTokens
	for ; position+backend.PageTokens <= *before; position += backend.PageTokens {
		for seq := range engine.SeqID(n) {
			page, ok := x.CopyCells(seq, 0)
			if !ok {
				return errors.New("the first page is not there")
			}
			if err := x.RestoreCells(seq, int32(position), []engine.Cells{page}); err != nil {
				return err
			}
		}
	}
	for ; position < *before; position++ {
		if err := step(position); err != nil {
			return err
		}
	}
	return nil
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

func say(line map[string]any) {
	text, _ := json.Marshal(line) // numbers and strings
	fmt.Println(string(text))
}
