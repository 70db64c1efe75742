package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// maxHead bounds the head of a safetensors file, as its own library does.
const maxHead = 100 << 20

var safetensorKinds = map[string]Kind{"F32": F32, "F16": F16, "BF16": BF16}

// openSafetensors opens a file, or all parts of the model that it is one of: 8 bytes with the length of a JSON head, the
// head, and the numbers.
func openSafetensors(path string) (*File, error) {
	meta, err := readConfig(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	f := &File{
		Architecture: meta.architecture, Quantization: meta.kind, tensors: map[string]source{},
		value: func(key string) value { return meta.values[key] },
	}
	var files []*os.File
	f.close = func() (err error) {
		for _, file := range files {
			err = file.Close()
		}
		return err
	}
	parts, err := partsOf(path)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		file, err := os.Open(part)
		if err == nil {
			files = append(files, file)
			err = f.addSafetensors(file)
		}
		if err != nil {
			_ = f.close() // the first error is the one to tell
			return nil, fmt.Errorf("%s: %w", filepath.Base(part), err)
		}
	}
	if meta.factors != nil {
		f.tensors["rope_freqs.weight"] = floats(meta.factors)
		f.size += int64(4 * len(meta.factors))
	}
	return f, nil
}

var partName = regexp.MustCompile(`^(.*)-\d{5}-of-(\d{5})\.safetensors$`)

// partsOf are the files of the model that a file is one of.
func partsOf(path string) ([]string, error) {
	m := partName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return []string{path}, nil
	}
	parts, err := filepath.Glob(filepath.Join(filepath.Dir(path), m[1]+"-*-of-"+m[2]+".safetensors"))
	if err == nil && fmt.Sprintf("%05d", len(parts)) != m[2] {
		err = fmt.Errorf("%w: %d of %s parts are there", gguf.ErrTruncated, len(parts), m[2])
	}
	return parts, err
}

func (f *File) addSafetensors(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f.size += info.Size()
	var length [8]byte
	if _, err := io.ReadFull(file, length[:]); err != nil {
		return fmt.Errorf("%w: it has no head", gguf.ErrTruncated)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHead || int64(n) > info.Size()-8 {
		return fmt.Errorf("%w: a head of %d bytes", gguf.ErrDamaged, n)
	}
	head := make([]byte, n)
	if _, err := io.ReadFull(file, head); err != nil {
		return fmt.Errorf("%w: %w", gguf.ErrTruncated, err)
	}
	var tensors map[string]json.RawMessage
	if err := json.Unmarshal(head, &tensors); err != nil {
		return fmt.Errorf("%w: its head is no JSON: %w", gguf.ErrDamaged, err)
	}
	for name, raw := range tensors {
		if name == "__metadata__" {
			continue
		}
		var t struct {
			Kind    string   `json:"dtype"`
			Shape   []uint64 `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("%w: tensor %q: %w", gguf.ErrDamaged, name, err)
		}
		kind, known := safetensorKinds[t.Kind]
		if !known {
			return fmt.Errorf("tensor %q: numbers of %s: %w (F32, F16 and BF16 are known)", name, t.Kind, base.ErrUnsupported)
		}
		begin, end := t.Offsets[0], t.Offsets[1]
		if begin < 0 || end < begin || end > info.Size()-8-int64(n) {
			return fmt.Errorf("%w: tensor %q ends at %d", gguf.ErrTruncated, name, end)
		}
		slices.Reverse(t.Shape)
		ours, plus := f.rename(name)
		f.tensors[ours] = source{kind: kind, shape: t.Shape, plus: plus, read: func() (io.Reader, error) {
			return io.NewSectionReader(file, 8+int64(n)+begin, end-begin), nil
		}}
	}
	return nil
}

var layerName = regexp.MustCompile(`^model\.layers\.(\d+)\.(.*)\.(weight|bias)$`)

// ggufNames are GGUF's names of what Hugging Face's models call their tensors.
var ggufNames = map[string]string{
	"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight",
	"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
	"self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "post_attention_layernorm": "ffn_norm",
}

// gemmaNames are those that are different for Gemma, which normalises what a layer adds too.
var gemmaNames = map[string]string{
	"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
}

// rename returns GGUF's name of a tensor, and what its numbers lack: Gemma's norms multiply by one more than they say.
func (f *File) rename(name string) (string, float32) {
	gemma := f.Architecture == "gemma3"
	var plus float32
	if gemma && strings.HasSuffix(name, "norm.weight") {
		plus = 1
	}
	if ours, known := ggufNames[name]; known {
		return ours, plus
	}
	m := layerName.FindStringSubmatch(name)
	if m == nil {
		return name, 0
	}
	ours, known := gemmaNames[m[2]]
	if !gemma || !known {
		ours = ggufNames[m[2]]
	}
	return fmt.Sprintf("blk.%s.%s.%s", m[1], ours, m[3]), plus
}
