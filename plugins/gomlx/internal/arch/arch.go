// Package arch knows the architectures: what their metadata is called and how their layers differ. Each has a file.
package arch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// Config is a model's shape and what its layers are made of.
type Config struct {
	Name                    string
	Layers, Width, Inner    int
	Heads, KVHeads, HeadDim int
	TrainContext            int
	Epsilon                 float64
	Bias                    bool    // queries, keys and values have one added
	HeadNorm                bool    // queries and keys are normalised, head by head
	PostNorm                bool    // what attention and MLP add is normalised
	GELU                    bool    // in the MLP, in place of SiLU
	EmbeddingScale          float32 // of token embeddings
	ScoreScale              float64 // of queries times keys
	Interleaved             bool    // rotated pairs are neighbours in the file's rows of queries and keys
	RopeBase, RopeScale     float64
	Window                  int // tokens that local layers look back on, 0: none is local
	Period                  int // of so many layers the last is not local
	LocalRopeBase           float64
	RopeFactors             []float32 // frequencies are divided by these, nil: by 1
}

var known = map[string]func(*weights.File, *Config){
	"llama": llama, "qwen2": qwen2, "qwen3": qwen3, "gemma3": gemma3,
}

// Read tells a model's configuration. backend.ErrModelFile: its architecture is not known, or it lacks something.
func Read(f *weights.File) (Config, error) {
	name := f.Architecture
	adapt, is := known[name]
	if !is {
		return Config{}, fmt.Errorf("%w: architecture %q (this backend knows %s)", backend.ErrModelFile, name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	c := Config{
		Name:           name,
		Layers:         f.Integer("block_count", 0),
		Width:          f.Integer("embedding_length", 0),
		Inner:          f.Integer("feed_forward_length", 0),
		Heads:          f.Integer("attention.head_count", 0),
		TrainContext:   f.Integer("context_length", 0),
		Epsilon:        f.Number("attention.layer_norm_rms_epsilon", 1e-5),
		EmbeddingScale: 1,
		RopeBase:       f.Number("rope.freq_base", 10000),
		RopeScale:      1,
	}
	switch kind := f.Text("rope.scaling.type"); kind {
	case "", "none":
	case "linear":
		c.RopeScale = f.Number("rope.scaling.factor", 1)
	default:
		return c, fmt.Errorf("%w: positions are stretched as %q says: %w", backend.ErrModelFile, kind, base.ErrUnsupported)
	}
	c.KVHeads = f.Integer("attention.head_count_kv", c.Heads)
	if c.Heads > 0 {
		c.HeadDim = f.Integer("attention.key_length", c.Width/c.Heads)
	}
	for what, n := range map[string]int{
		"layers": c.Layers, "embedding length": c.Width, "feed forward length": c.Inner, "heads": c.Heads, "KV heads": c.KVHeads, "head_dim": c.HeadDim,
	} {
		if n <= 0 || n > 1<<20 {
			return c, fmt.Errorf("%w: %d %s", backend.ErrModelFile, n, what)
		}
	}
	if c.Heads%c.KVHeads != 0 || c.HeadDim%2 != 0 {
		return c, fmt.Errorf("%w: %d heads of %d over %d of keys", backend.ErrModelFile, c.Heads, c.HeadDim, c.KVHeads)
	}
	if n := f.Integer("attention.value_length", c.HeadDim); n != c.HeadDim {
		return c, fmt.Errorf("%w: keys of %d and values of %d: %w", backend.ErrModelFile, c.HeadDim, n, base.ErrUnsupported)
	}
	c.ScoreScale = 1 / math.Sqrt(float64(c.HeadDim))
	adapt(f, &c)
	return c, nil
}

// Local says whether a layer looks back on Window tokens only.
func (c Config) Local(layer int) bool { return c.Window > 0 && (layer+1)%c.Period != 0 }

// Angle is what the i-th pair of a head is rotated by at a position.
func (c Config) Angle(position int32, i int, local bool) float64 {
	base, scale := c.RopeBase, c.RopeScale
	if local {
		base, scale = c.LocalRopeBase, 1
	}
	f := math.Pow(base, -2*float64(i)/float64(c.HeadDim)) / scale
	if c.RopeFactors != nil {
		f /= float64(c.RopeFactors[i])
	}
	return float64(position) * f
}
