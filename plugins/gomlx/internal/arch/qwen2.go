package arch

import "github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"

// qwen2 is Qwen2, Qwen2.5 and the DeepSeek distills of it.
func qwen2(_ *weights.File, c *Config) { c.Bias = true }
