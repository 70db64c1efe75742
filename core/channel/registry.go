package channel

// registry is the table of profiles. To add one, add it here; go generate ./core/config writes its
// row in docs/channels.md.
//
// Layers is given only where the model's published configuration states it. Backends lists those
// of this repository that know the architecture.
var registry = []*Profile{
	{
		Name: "Qwen3-4B", Short: "qwen3-4b", Architectures: []string{"qwen3"},
		HeadDim: 128, Layers: 36, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
	},
	{
		Name: "Qwen2-1.5B", Short: "qwen2-1.5b", Architectures: []string{"qwen2"},
		HeadDim: 128, Layers: 28, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
	},
	{
		Name: "Llama-3.2-3B", Short: "llama-3.2-3b", Architectures: []string{"llama"},
		HeadDim: 128, Layers: 28, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
		files: []string{"llama3.2-3b"},
	},
	{
		Name: "Llama-3.1-8B", Short: "llama-3.1-8b", Architectures: []string{"llama"},
		HeadDim: 128, Layers: 32, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
		files: []string{"llama3.1-8b"},
	},
	{
		Name: "Mistral-7B-v0.3", Short: "mistral-7b-v0.3", Architectures: []string{"llama"},
		HeadDim: 128, Layers: 32, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
		files: []string{"mistral-7b-instruct-v0.3"},
	},
	{
		Name: "Gemma-4-E4B", Short: "gemma-4-e4b", Architectures: []string{"gemma4"},
		HeadDim: 256,
		Default: e8(38), Q: []int{38, 10, 4},
	},
	{
		Name: "DeepSeek-R1-Distill-Qwen-1.5B", Short: "deepseek-r1-distill-qwen-1.5b", Architectures: []string{"qwen2"},
		HeadDim: 128, Layers: 28, Backends: []string{"llamacpp", "gomlx"},
		Default:  CodecID{Name: "e8", Q: 38, Boundary: 2},
		Q:        []int{38, 10},
		Boundary: Boundary{Default: 2, Least: 2, Explicit: true, Reason: "quantising its first and last layers ruins its answers"},
	},
	{
		Name: "DeepSeek-R1-Distill-Qwen-7B", Short: "deepseek-r1-distill-qwen-7b", Architectures: []string{"qwen2"},
		HeadDim: 128, Layers: 28, Backends: []string{"llamacpp", "gomlx"},
		Default:  CodecID{Name: "e8", Q: 38, Boundary: 2},
		Q:        []int{38, 10},
		Boundary: Boundary{Default: 2, Reason: "its first and last layers bear quantisation worst"},
	},
	{
		Name: "GLM-4-9B", Short: "glm-4-9b", Architectures: []string{"chatglm", "glm4"},
		HeadDim: 128, Layers: 40, Backends: []string{"llamacpp"},
		Default: e8(38), Q: []int{38, 10},
		LossAtQ4: "this model loses 32 % with it",
	},
	{
		Name: "SmolLM2-135M", Short: "smollm2-135m", Architectures: []string{"llama"},
		HeadDim: 64, Layers: 30, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
	},
	{
		Name: "Gemma-3-270M", Short: "gemma-3-270m", Architectures: []string{"gemma3"},
		HeadDim: 256, Layers: 18, Backends: []string{"llamacpp", "gomlx"},
		Default: e8(38), Q: []int{38, 10},
	},
}

// e8 is the E8 lattice with a range and no boundary of its own.
func e8(q int) CodecID { return CodecID{Name: "e8", Q: q, Boundary: Unset} }
