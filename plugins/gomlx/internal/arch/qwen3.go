package arch

import "github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"

// qwen3 is Qwen3, the dense ones.
func qwen3(_ *weights.File, c *Config) { c.HeadNorm = true }
