package service

import (
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// describe says what is known of a prepared model.
func (l *loaded) describe(o backend.LoadOptions) backend.ModelInfo {
	c := l.config
	info := backend.ModelInfo{
		Architecture: c.Name,
		Name:         l.file.Text("general.name"),
		Quantization: l.file.Quantization,
		Parameters:   l.file.Parameters(),
		Layers:       c.Layers,
		Embedding:    c.Width,
		Heads:        c.Heads,
		KVHeads:      c.KVHeads,
		HeadDim:      c.HeadDim,
		Vocabulary:   l.vocab.Size(),
		TrainContext: c.TrainContext,
		ChatTemplate: l.file.Text("tokenizer.chat_template"),
		Special:      l.vocab.Special(),
		Text:         map[string]string{},
		Control:      l.vocab.Control(),
		EndTokens:    l.vocab.Ends(),
		AddBOS:       l.vocab.AddsBOS(),
		Generative:   true,
		PageFormat:   l.exec.PageFormat(),
		Options:      o,
	}
	for name, token := range info.Special {
		info.Text[name] = strings.ToValidUTF8(string(l.vocab.Piece(token, true)), "\uFFFD")
	}
	cells := int64(l.exec.Limits().Cells)
	info.Memory = backend.Memory{
		Weights:         l.model.Bytes,
		KV:              l.exec.CacheBytes(),
		Compute:         l.exec.WorkBytes(),
		KVBytesPerToken: l.exec.CacheBytes() / cells,
	}
	if l.attached != nil {
		info.Memory.Compute += l.attached.Drafter().Describe().Memory
	}
	return info
}
