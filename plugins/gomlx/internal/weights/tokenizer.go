package weights

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Types of tokens, of llama.cpp's enum llama_token_type.
const (
	normal      = 1
	control     = 3
	userDefined = 4
	unused      = 5
	byteToken   = 6
)

// tokenizer is tokenizer.json of Hugging Face's tokenizers.
type tokenizer struct {
	Added []struct {
		ID      int
		Content string
		Special bool
	} `json:"added_tokens"`
	PreTokenizer json.RawMessage `json:"pre_tokenizer"`
	Processor    json.RawMessage `json:"post_processor"`
	Model        struct {
		Type         string
		Vocab        map[string]int
		Merges       []json.RawMessage
		ByteFallback bool `json:"byte_fallback"`
	}
}

// tokenizerConfig is tokenizer_config.json.
type tokenizerConfig struct {
	Template json.RawMessage `json:"chat_template"`
	AddBOS   *bool           `json:"add_bos_token"`
	AddEOS   *bool           `json:"add_eos_token"`

	Pad      json.RawMessage `json:"pad_token"`
	BOSToken json.RawMessage `json:"bos_token"`
	EOSToken json.RawMessage `json:"eos_token"`
}

// readTokenizer tells the vocabulary as GGUF would.
func (m *metadata) readTokenizer(folder string, c config) error {
	var t tokenizer
	if err := readJSON(folder, "tokenizer.json", &t, false); err != nil {
		return err
	}
	if t.Model.Type != "BPE" {
		return fmt.Errorf("tokenizer.json: a tokenizer %q: %w (BPE is known)", t.Model.Type, base.ErrUnsupported)
	}
	size := len(t.Model.Vocab)
	for _, a := range t.Added {
		size = max(size, a.ID+1)
	}
	texts, types := make([]string, size), make([]int64, size)
	for i := range types {
		types[i] = unused
	}
	for text, id := range t.Model.Vocab {
		if id < 0 || id >= size {
			return fmt.Errorf("tokenizer.json: %w: token %d of %d", gguf.ErrDamaged, id, size)
		}
		texts[id], types[id] = text, normal
		if t.Model.ByteFallback && len(text) == 6 && strings.HasPrefix(text, "<0x") {
			types[id] = byteToken
		}
	}
	ids := t.Model.Vocab
	if ids == nil {
		ids = map[string]int{}
	}
	for _, a := range t.Added {
		if a.ID < 0 {
			return fmt.Errorf("tokenizer.json: %w: token %d", gguf.ErrDamaged, a.ID)
		}
		texts[a.ID], types[a.ID] = a.Content, userDefined
		if a.Special {
			types[a.ID] = control
		}
		ids[a.Content] = a.ID
	}
	merges, err := t.merges()
	if err != nil {
		return err
	}
	m.values["tokenizer.ggml.tokens"], m.values["tokenizer.ggml.token_type"] = known{texts}, known{types}
	if t.Model.ByteFallback {
		m.sentencePiece(ids, merges, size)
	} else {
		m.values["tokenizer.ggml.model"], m.values["tokenizer.ggml.pre"] = known{"gpt2"}, known{t.pre()}
		m.values["tokenizer.ggml.merges"] = known{merges}
	}
	return m.readSpecial(folder, c, ids, strings.Contains(string(t.Processor), "TemplateProcessing"))
}

// merges are "left right", in order.
func (t *tokenizer) merges() ([]string, error) {
	out := make([]string, len(t.Model.Merges))
	for i, raw := range t.Model.Merges {
		var pair []string
		if json.Unmarshal(raw, &out[i]) == nil {
			continue
		}
		if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
			return nil, fmt.Errorf("tokenizer.json: %w: merge %d", gguf.ErrDamaged, i)
		}
		out[i] = pair[0] + " " + pair[1]
	}
	return out, nil
}

// sentencePiece gives tokens scores by when they are merged first.
func (m *metadata) sentencePiece(ids map[string]int, merges []string, size int) {
	scores := make([]float64, size)
	for i := range scores {
		scores[i] = -float64(len(merges))
	}
	for i := len(merges) - 1; i >= 0; i-- {
		left, right, _ := strings.Cut(merges[i], " ")
		if id, has := ids[left+right]; has {
			scores[id] = -float64(i)
		}
	}
	m.values["tokenizer.ggml.model"], m.values["tokenizer.ggml.scores"] = known{"llama"}, known{scores}
	m.values["tokenizer.ggml.add_space_prefix"] = known{false}
}

// pre names how text is split before pairs are merged, by what the patterns have in them.
func (t *tokenizer) pre() string {
	text := string(t.PreTokenizer)
	switch {
	case strings.Contains(text, `{1,3}`):
		return "llama-bpe"
	case strings.Contains(text, `"Split"`):
		return "qwen2"
	case strings.Contains(text, `"Digits"`):
		return "smollm"
	}
	return "gpt-2"
}

// readSpecial tells the tokens with a meaning, and the chat template. framed says that the tokenizer puts something
// before texts, which is bos unless the configuration says otherwise.
func (m *metadata) readSpecial(folder string, c config, ids map[string]int, framed bool) error {
	var t tokenizerConfig
	if err := readJSON(folder, "tokenizer_config.json", &t, true); err != nil {
		return err
	}
	for key, tokens := range map[string][]json.RawMessage{"bos": {t.BOSToken, c.BOS}, "eos": {t.EOSToken, c.EOS}, "padding": {t.Pad}} {
		for _, raw := range tokens {
			if id, is := tokenID(raw, ids); is {
				m.values["tokenizer.ggml."+key+"_token_id"] = known{float64(id)}
				break
			}
		}
	}
	var template string
	if json.Unmarshal(t.Template, &template) == nil {
		m.values["tokenizer.chat_template"] = known{template}
	}
	if t.AddBOS != nil {
		framed = *t.AddBOS
	}
	m.values["tokenizer.ggml.add_bos_token"] = known{framed}
	m.values["tokenizer.ggml.add_eos_token"] = known{t.AddEOS != nil && *t.AddEOS}
	return nil
}

// tokenID reads a number, the first of a list, a text, or an object with one.
func tokenID(raw json.RawMessage, ids map[string]int) (id int, is bool) {
	var list []int
	var text string
	var object struct{ Content string }
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return 0, false
	case json.Unmarshal(raw, &id) == nil:
		return id, true
	case json.Unmarshal(raw, &list) == nil && len(list) > 0:
		return list[0], true
	case json.Unmarshal(raw, &text) == nil:
	case json.Unmarshal(raw, &object) == nil:
		text = object.Content
	}
	id, is = ids[text]
	return id, is
}
