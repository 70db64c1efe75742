package vocab

import (
	"fmt"
	"strings"

	"github.com/dlclark/regexp2"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Patterns that text is split by before pairs are merged, by tokenizer.ggml.pre; of llama.cpp's llm_tokenizer_bpe.
const (
	words  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	digits = `\p{N}`
	llama3 = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2  = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var pretokenizers = map[string][]string{
	"gpt-2": {words}, "smollm": {digits, words},
	"llama-bpe": {llama3}, "llama3": {llama3}, "llama-v3": {llama3},
	"qwen2": {qwen2}, "deepseek-r1-qwen": {qwen2},
}

// bytePair is the tokenizer "gpt2": bytes, as visible characters, merged in the order of a list.
type bytePair struct {
	split []*regexp2.Regexp
	ranks map[string]int // of "left right"
	ids   map[string]backend.Token
	whole bool // a word that is a token is not merged together
}

func newBytePair(pre string, texts, merges []string) (*bytePair, error) {
	patterns, known := pretokenizers[pre]
	if !known {
		return nil, fmt.Errorf("vocabulary: %w: text is split as %q says", base.ErrUnsupported, pre)
	}
	b := &bytePair{ranks: make(map[string]int, len(merges)), ids: byText(texts), whole: patterns[0] == llama3}
	for _, p := range patterns {
		b.split = append(b.split, regexp2.MustCompile(p, regexp2.None))
	}
	for i, m := range merges {
		b.ranks[m] = i
	}
	return b, nil
}

func (b *bytePair) encode(text string) ([]backend.Token, error) {
	words, err := b.words(text)
	if err != nil {
		return nil, err
	}
	var out []backend.Token
	for _, word := range words {
		visible := visibleBytes(word)
		if t, is := b.ids[strings.Join(visible, "")]; is && b.whole {
			out = append(out, t)
			continue
		}
		for _, s := range merge(visible, b.rank) {
			if t, is := b.ids[s]; is {
				out = append(out, t)
				continue
			}
			for _, r := range s { // a byte that the vocabulary lacks is left out
				if t, is := b.ids[string(r)]; is {
					out = append(out, t)
				}
			}
		}
	}
	return out, nil
}

func (b *bytePair) rank(left, right string) (float64, bool) {
	r, known := b.ranks[left+" "+right]
	return float64(r), known
}

// words splits text by each pattern in turn. What a pattern does not match is a word too.
func (b *bytePair) words(text string) ([]string, error) {
	parts := []string{text}
	for _, re := range b.split {
		var next []string
		for _, part := range parts {
			runes, at := []rune(part), 0
			m, err := re.FindRunesMatch(runes)
			for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
				if m.Index > at {
					next = append(next, string(runes[at:m.Index]))
				}
				next = append(next, m.String())
				at = m.Index + m.Length
			}
			if err != nil {
				return nil, fmt.Errorf("split text: %w", err)
			}
			if at < len(runes) {
				next = append(next, string(runes[at:]))
			}
		}
		parts = next
	}
	return parts, nil
}

// visibleBytes are the characters that stand for a text's bytes.
func visibleBytes(text string) []string {
	out := make([]string, len(text))
	for i := range len(text) {
		out[i] = visible[text[i]]
	}
	return out
}

// visible is GPT-2's table: printable bytes are themselves, the others are counted up from U+0100. byteOf is the inverse.
var visible, byteOf = func() (table [256]string, inverse map[rune]byte) {
	inverse = map[rune]byte{}
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if b < '!' || b > '~' && b < 0xa1 || b == 0xad {
			r = next
			next++
		}
		table[b], inverse[r] = string(r), byte(b)
	}
	return table, inverse
}()

// bytes turns the visible characters back. User-defined tokens are as written.
func (b *bytePair) bytes(text string, kind int64) []byte {
	if kind == typeUserDefined {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		c, known := byteOf[r]
		if !known {
			return []byte(text)
		}
		out = append(out, c)
	}
	return out
}
