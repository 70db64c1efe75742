package arch

import "github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"

// llama is SmolLM2, Llama 3 and Mistral. Converted files have the rows of queries and keys permuted so that rotated
// pairs are neighbours, and Llama 3.1's stretched frequencies as a tensor.
func llama(f *weights.File, c *Config) {
	c.Interleaved = f.Permuted
	if t, err := f.Tensor("rope_freqs.weight"); err == nil && t.Rows*t.Columns == c.HeadDim/2 {
		c.RopeFactors, _ = t.Floats() // its kind was looked at when it was read
	}
}
