package arch

import (
	"math"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

const layersOf27B = 62

// gemma3 is Gemma 3, its text part. Of six layers five look back on a window only and rotate by a base of their own.
func gemma3(f *weights.File, c *Config) {
	c.HeadNorm, c.PostNorm, c.GELU = true, true, true
	c.EmbeddingScale = float32(math.Sqrt(float64(c.Width)))
	c.Window = f.Integer("attention.sliding_window", 0)
	c.Period = f.Integer("attention.sliding_window_pattern", 6)
	if c.Layers == layersOf27B {
		c.ScoreScale = 1 / math.Sqrt(float64(c.Width)/float64(c.Heads)) // the 27B model's own, of which the file says nothing
	}
	c.LocalRopeBase = f.Number("rope.freq_base_swa", 10000)
}
