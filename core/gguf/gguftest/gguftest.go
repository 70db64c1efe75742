// Package gguftest makes small GGUF files for tests.
package gguftest

import (
	"bytes"
	"encoding/binary"
)

// Types of values, of the format's enum gguf_type.
const (
	Uint32  uint32 = 4
	Float32 uint32 = 6
	Bool    uint32 = 7
	String  uint32 = 8
	Array   uint32 = 9
)

// Writer builds a file in memory.
type Writer struct{ bytes.Buffer }

// Head begins a file of so many tensors and pairs of key and value, which are to be Put.
func Head(version uint32, tensors, pairs uint64) *Writer {
	w := &Writer{}
	w.WriteString("GGUF")
	return w.Put(version, tensors, pairs)
}

// Put appends values as the format has them. Strings get their length; all else has to have a fixed size.
func (w *Writer) Put(values ...any) *Writer {
	for _, v := range values {
		if s, ok := v.(string); ok {
			w.Put(uint64(len(s)))
			w.WriteString(s)
			continue
		}
		if err := binary.Write(&w.Buffer, binary.LittleEndian, v); err != nil {
			panic(err) // a value of no fixed size
		}
	}
	return w
}

// Whole is a small file with a value of every kind and one tensor of 64 bytes.
func Whole() []byte {
	w := Head(3, 1, 5)
	w.Put("general.architecture", String, "llama")
	w.Put("a.number", Uint32, uint32(7))
	w.Put("a.flag", Bool, uint8(1))
	w.Put("words", Array, String, uint64(2), "one", "two")
	w.Put("scores", Array, Float32, uint64(3), [3]float32{1, 2, 3})
	w.Put("weight", uint32(2), uint64(4), uint64(4), uint32(0), uint64(32))
	return append(w.Bytes(), make([]byte, 96)...)
}

// Model is a file of a model with 2 layers, 4 heads of which 2 for K and V, head_dim 8, a chat template, and so
// many weights in 32 bits.
func Model(name, template string, weights int) []byte {
	w := Head(3, 1, 8)
	w.Put("general.architecture", String, "llama", "general.name", String, name, "tokenizer.chat_template", String, template)
	for key, value := range map[string]uint32{
		"context_length": 2048, "block_count": 2, "embedding_length": 32, "attention.head_count": 4, "attention.head_count_kv": 2,
	} {
		w.Put("llama."+key, Uint32, value)
	}
	w.Put("weight", uint32(1), uint64(weights), uint32(0), uint64(0))
	return append(w.Bytes(), make([]byte, 32+4*weights)...)
}
