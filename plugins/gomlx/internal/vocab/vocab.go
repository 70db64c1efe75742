// Package vocab is a model's tokenizer, made of the metadata of a GGUF file.
//
// It follows llama.cpp in all: byte pairs ("gpt2") and SentencePiece ("llama"), which tokens are found in the text as
// they stand, longest first, the space that some vocabularies put before a text, and what the bytes of a token are.
// ollama's package tokenizer is not used: it repeats text where two patterns split it (SmolLM2's digits).
package vocab

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Types of tokens, of llama.cpp's enum llama_token_type.
const (
	typeUnknown     = 2
	typeControl     = 3
	typeUserDefined = 4
	typeByte        = 6
)

// Metadata is what is asked of a model file.
type Metadata interface {
	Text(key string) string
	Texts(key string) []string
	Floats(key string) []float64
	Integers(key string) []int64
	Integer(key string, fallback int) int
	Flag(key string, fallback bool) bool
}

// merger turns text without special tokens into tokens, and tokens as the file writes them into bytes.
type merger interface {
	encode(text string) ([]backend.Token, error)
	bytes(text string, kind int64) []byte
}

// Vocabulary implements engine.Vocabulary. It is safe for concurrent use.
type Vocabulary struct {
	pieces   [][]byte
	types    []int64
	merger   merger
	fixed    []fixed // found in the text as they stand, longest first
	prefix   bool    // a space goes before a text, and after a special token
	special  map[string]backend.Token
	ends     []backend.Token
	isEnd    []bool
	bos, eos backend.Token
	addBOS   bool
	addEOS   bool
}

type fixed struct {
	text    string
	token   backend.Token
	control bool // only where special tokens are wanted
}

// New makes the vocabulary that a file describes. backend.ErrModelFile: it describes none; base.ErrUnsupported: it is
// of a kind that is not known.
func New(m Metadata) (*Vocabulary, error) {
	texts := m.Texts("tokenizer.ggml.tokens")
	v := &Vocabulary{types: m.Integers("tokenizer.ggml.token_type"), special: map[string]backend.Token{}}
	if len(texts) == 0 || len(v.types) != len(texts) {
		return nil, fmt.Errorf("vocabulary: %w: %d tokens with %d types", backend.ErrModelFile, len(texts), len(v.types))
	}
	var err error
	switch kind := m.Text("tokenizer.ggml.model"); kind {
	case "gpt2":
		if v.merger, err = newBytePair(m.Text("tokenizer.ggml.pre"), texts, m.Texts("tokenizer.ggml.merges")); err != nil {
			return nil, err
		}
	case "llama":
		scores := m.Floats("tokenizer.ggml.scores")
		if len(scores) != len(texts) {
			return nil, fmt.Errorf("vocabulary: %w: %d tokens with %d scores", backend.ErrModelFile, len(texts), len(scores))
		}
		v.merger = newSentencePiece(texts, v.types, scores, m.Integer("tokenizer.ggml.unknown_token_id", 0))
		v.prefix = m.Flag("tokenizer.ggml.add_space_prefix", true)
		v.addBOS = true
	default:
		return nil, fmt.Errorf("vocabulary: %w: a tokenizer %q (gpt2 and llama are known)", base.ErrUnsupported, kind)
	}
	for i, text := range texts {
		piece := []byte(text)
		if t := v.types[i]; t != typeControl && t != typeUnknown {
			piece = v.merger.bytes(text, t)
		}
		v.pieces = append(v.pieces, piece)
	}
	v.findFixed(texts)
	v.findSpecial(m, texts)
	return v, nil
}

func (v *Vocabulary) findFixed(texts []string) {
	for i, text := range texts {
		if t := v.types[i]; text != "" && (t == typeControl || t == typeUserDefined || t == typeUnknown) {
			if t == typeUserDefined {
				text = string(v.pieces[i])
			}
			v.fixed = append(v.fixed, fixed{text, backend.Token(i), t != typeUserDefined})
		}
	}
	slices.SortStableFunc(v.fixed, func(a, b fixed) int { return len(b.text) - len(a.text) })
}

// endTexts are the texts of tokens that end a generation beside those that the metadata names.
var endTexts = []string{
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "</s>", "<|end_of_text|>", "<EOT>", "_<EOT>",
}

// specialKeys are what files call the tokens with a meaning.
var specialKeys = map[string]string{
	"bos": "bos", "eos": "eos", "eot": "eot", "pad": "padding", "unk": "unknown",
	"sep": "seperator", //nolint:misspell // files spell it so
}

func (v *Vocabulary) findSpecial(m Metadata, texts []string) {
	for name, key := range specialKeys {
		if id := m.Integer("tokenizer.ggml."+key+"_token_id", -1); id >= 0 && id < len(texts) {
			v.special[name] = backend.Token(id)
		}
	}
	v.isEnd = make([]bool, len(texts))
	for i, text := range texts {
		t := backend.Token(i)
		if slices.Contains(endTexts, text) && v.types[i] == typeControl {
			v.isEnd[i] = true
			if _, has := v.special["eot"]; !has && (text == "<|eot_id|>" || text == "<|im_end|>" || text == "<end_of_turn>" || text == "<|end|>") {
				v.special["eot"] = t
			}
		}
	}
	for _, name := range []string{"eos", "eot"} {
		if t, has := v.special[name]; has {
			v.isEnd[t] = true
		}
	}
	for t, end := range v.isEnd {
		if end {
			v.ends = append(v.ends, backend.Token(t))
		}
	}
	v.bos, v.eos = v.special["bos"], v.special["eos"]
	_, hasBOS := v.special["bos"]
	_, hasEOS := v.special["eos"]
	v.addBOS = m.Flag("tokenizer.ggml.add_bos_token", v.addBOS) && hasBOS
	v.addEOS = m.Flag("tokenizer.ggml.add_eos_token", false) && hasEOS
}

// Size is the number of tokens.
func (v *Vocabulary) Size() int { return len(v.pieces) }

// Piece returns the bytes of a token. Special tokens have none unless special is true. The slice is shared: do not
// write to it.
func (v *Vocabulary) Piece(t backend.Token, special bool) []byte {
	if !v.has(t) || v.isSpecial(t) && !special {
		return nil
	}
	return v.pieces[t]
}

func (v *Vocabulary) isSpecial(t backend.Token) bool {
	return v.types[t] == typeControl || v.types[t] == typeUnknown
}

// IsEnd says whether a token ends a generation.
func (v *Vocabulary) IsEnd(t backend.Token) bool { return v.has(t) && v.isEnd[t] }

// Ends returns all tokens that end a generation, in order.
func (v *Vocabulary) Ends() []backend.Token { return v.ends }

// Special names the tokens with a meaning: "bos", "eos", "eot", "pad", "unk", "sep", as far as there are any.
func (v *Vocabulary) Special() map[string]backend.Token { return v.special }

// AddsBOS says whether Tokenize with addSpecial begins with bos.
func (v *Vocabulary) AddsBOS() bool { return v.addBOS }

// Control returns the texts of all special tokens, as far as they are UTF-8.
func (v *Vocabulary) Control() []string {
	var out []string
	for t := range backend.Token(v.Size()) {
		if v.isSpecial(t) && len(v.pieces[t]) > 0 && utf8.Valid(v.pieces[t]) {
			out = append(out, string(v.pieces[t]))
		}
	}
	return out
}

// Detokenize returns the bytes of tokens, special ones as their text.
func (v *Vocabulary) Detokenize(tokens []backend.Token) ([]byte, error) {
	var text []byte
	for i, t := range tokens {
		if !v.has(t) {
			return nil, fmt.Errorf("tokens[%d]: no token %d in a vocabulary of %d: %w", i, t, v.Size(), base.ErrInvalid)
		}
		text = append(text, v.pieces[t]...)
	}
	return text, nil
}

func (v *Vocabulary) has(t backend.Token) bool { return t >= 0 && int(t) < len(v.pieces) }

// byText finds tokens by how the file writes them; of equal ones the first.
func byText(texts []string) map[string]backend.Token {
	ids := make(map[string]backend.Token, len(texts))
	for i, text := range texts {
		if _, has := ids[text]; !has {
			ids[text] = backend.Token(i)
		}
	}
	return ids
}
