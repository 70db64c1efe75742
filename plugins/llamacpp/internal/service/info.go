package service

import (
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// describe says what is known of a prepared model.
func (m *model) describe(t traits, options backend.LoadOptions) backend.ModelInfo {
	info := backend.ModelInfo{
		Architecture: t.architecture,
		Name:         m.weights.Meta("general.name"),
		Quantization: quantizations[m.weights.Meta("general.file_type")],
		Parameters:   t.Parameters,
		Layers:       t.Layers,
		Embedding:    t.Embedding,
		Heads:        t.Heads,
		KVHeads:      t.KVHeads,
		HeadDim:      t.headDim,
		Vocabulary:   m.vocab.Size(),
		TrainContext: t.TrainContext,
		ChatTemplate: m.weights.Meta("tokenizer.chat_template"),
		Special:      m.weights.Special(),
		Text:         map[string]string{},
		Control:      m.vocab.Control(),
		EndTokens:    m.vocab.Ends(),
		AddBOS:       m.weights.AddsBOS(),
		Generative:   t.generative,
		PageFormat:   m.exec.PageFormat(),
		Options:      options,
	}
	for name, token := range info.Special {
		info.Text[name] = strings.ToValidUTF8(string(m.vocab.Piece(token, true)), "\uFFFD")
	}
	memory := m.exec.Memory()
	info.Memory = backend.Memory{
		Weights:         memory.Weights,
		KV:              memory.Cache,
		Compute:         memory.Compute,
		KVBytesPerToken: memory.Cache / int64(m.exec.Limits().Cells),
	}
	if m.attached != nil {
		info.Memory.Compute += m.attached.Drafter().Describe().Memory
	}
	return info
}

// quantizations names the values of general.file_type.
var quantizations = map[string]string{
	"0": "F32", "1": "F16", "2": "Q4_0", "3": "Q4_1", "7": "Q8_0", "8": "Q5_0", "9": "Q5_1",
	"10": "Q2_K", "11": "Q3_K_S", "12": "Q3_K_M", "13": "Q3_K_L", "14": "Q4_K_S", "15": "Q4_K_M",
	"16": "Q5_K_S", "17": "Q5_K_M", "18": "Q6_K", "19": "IQ2_XXS", "20": "IQ2_XS", "21": "Q2_K_S",
	"22": "IQ3_XS", "23": "IQ3_XXS", "24": "IQ1_S", "25": "IQ4_NL", "26": "IQ3_S", "27": "IQ3_M",
	"28": "IQ2_S", "29": "IQ2_M", "30": "IQ4_XS", "31": "IQ1_M", "32": "BF16", "36": "TQ1_0",
	"37": "TQ2_0", "38": "MXFP4",
}
