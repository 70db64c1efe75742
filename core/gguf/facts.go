package gguf

import "fmt"

// Facts are what a head says of its model, under the names that all architectures share. 0 is unsaid.
type Facts struct {
	Name         string
	Architecture string
	Quantization string // of most weights
	Context      int64  // tokens that it was trained on
	Layers       int64
	Embedding    int64
	Heads        int64
	KVHeads      int64
	HeadDim      int64
	ChatTemplate string
}

// Facts reads them out of the head.
func (h Head) Facts() Facts {
	of := func(key string) int64 { return h.Integers[h.Architecture+"."+key] }
	f := Facts{
		Name: h.Strings["general.name"], Architecture: h.Architecture, Quantization: fileType(h.Integers),
		Context: of("context_length"), Layers: of("block_count"), Embedding: of("embedding_length"),
		Heads: of("attention.head_count"), KVHeads: of("attention.head_count_kv"), HeadDim: of("attention.key_length"),
		ChatTemplate: h.Strings["tokenizer.chat_template"],
	}
	if f.HeadDim == 0 && f.Heads > 0 {
		f.HeadDim = f.Embedding / f.Heads
	}
	if f.KVHeads == 0 {
		f.KVHeads = f.Heads
	}
	return f
}

// KVBytesPerToken is what the KV cache of one token takes in 16-bit numbers: K and V of all layers. 0: not known.
// A model that attends through a window in some layers keeps less.
func (f Facts) KVBytesPerToken() int64 { return 2 * 2 * f.Layers * f.KVHeads * f.HeadDim }

// fileTypes are the values of general.file_type, of llama.cpp's enum llama_ftype.
var fileTypes = map[int64]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
	13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
	21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
	29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}

func fileType(integers map[string]int64) string {
	n, stated := integers["general.file_type"]
	if !stated {
		return ""
	}
	if name := fileTypes[n]; name != "" {
		return name
	}
	return fmt.Sprintf("type %d", n)
}
