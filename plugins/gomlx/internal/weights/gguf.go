package weights

import (
	"io"

	ollama "github.com/ollama/ollama/fs/gguf"

	"github.com/kakeyad/kakeyad/core/gguf"
)

func openGGUF(path string) (*File, error) {
	head, err := gguf.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := ollama.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{
		Architecture: head.Architecture, Quantization: head.Facts().Quantization, Permuted: head.Architecture == "llama",
		size: head.Size, tensors: map[string]source{}, close: file.Close,
		// Of the architecture where the key names no other group.
		value: func(key string) value { return file.KeyValue(key) },
	}
	for _, t := range file.TensorInfos() {
		f.tensors[t.Name] = source{kind: Kind(t.Type), shape: t.Shape, read: func() (io.Reader, error) {
			_, r, err := file.TensorReader(t.Name)
			return r, err
		}}
	}
	return f, nil
}
