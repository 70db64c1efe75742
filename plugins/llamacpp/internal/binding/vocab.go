package binding

// #include "llama.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// VocabularySize is the number of tokens.
func (m *Model) VocabularySize() int { return int(C.llama_vocab_n_tokens(m.vocab)) }

// Tokenize turns text into tokens: with addSpecial, bos and eos are added as the model asks;
// with parseSpecial, the text of special tokens becomes those tokens.
func (m *Model) Tokenize(text string, addSpecial, parseSpecial bool) ([]int32, error) {
	if len(text) > math.MaxInt32/4 {
		return nil, errors.New("the text is too long")
	}
	tokens := make([]int32, len(text)/3+8)
	for {
		n := C.llama_tokenize(m.vocab, (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.int32_t(len(text)),
			(*C.llama_token)(unsafe.Pointer(&tokens[0])), C.int32_t(len(tokens)), C.bool(addSpecial), C.bool(parseSpecial))
		switch {
		case n >= 0:
			return tokens[:n], nil
		case n == math.MinInt32:
			return nil, errors.New("the text has too many tokens")
		}
		tokens = make([]int32, -n)
	}
}

// Piece appends the bytes of a token to buf. Special tokens have none unless special is true.
func (m *Model) Piece(buf []byte, token int32, special bool) []byte {
	var piece [256]C.char
	n := C.llama_token_to_piece(m.vocab, C.llama_token(token), &piece[0], C.int32_t(len(piece)), 0, C.bool(special))
	if n >= 0 {
		return append(buf, unsafe.Slice((*byte)(unsafe.Pointer(&piece[0])), int(n))...)
	}
	long := make([]byte, -n)
	C.llama_token_to_piece(m.vocab, C.llama_token(token), (*C.char)(unsafe.Pointer(&long[0])), -n, 0, C.bool(special))
	return append(buf, long...)
}

// IsEnd says whether a token ends a generation.
func (m *Model) IsEnd(token int32) bool {
	return bool(C.llama_vocab_is_eog(m.vocab, C.llama_token(token)))
}

// AddsBOS says whether Tokenize with addSpecial begins with bos.
func (m *Model) AddsBOS() bool { return bool(C.llama_vocab_get_add_bos(m.vocab)) }

// Special returns the special tokens that the model has, by their usual short names.
func (m *Model) Special() map[string]int32 {
	all := map[string]C.llama_token{
		"bos":     C.llama_vocab_bos(m.vocab),
		"eos":     C.llama_vocab_eos(m.vocab),
		"eot":     C.llama_vocab_eot(m.vocab),
		"sep":     C.llama_vocab_sep(m.vocab),
		"pad":     C.llama_vocab_pad(m.vocab),
		"mask":    C.llama_vocab_mask(m.vocab),
		"fim_pre": C.llama_vocab_fim_pre(m.vocab),
		"fim_suf": C.llama_vocab_fim_suf(m.vocab),
		"fim_mid": C.llama_vocab_fim_mid(m.vocab),
		"fim_pad": C.llama_vocab_fim_pad(m.vocab),
		"fim_rep": C.llama_vocab_fim_rep(m.vocab),
		"fim_sep": C.llama_vocab_fim_sep(m.vocab),
	}
	special := make(map[string]int32)
	for name, token := range all {
		if token >= 0 {
			special[name] = int32(token)
		}
	}
	if token := m.Meta("tokenizer.ggml.unknown_token_id"); token != "" {
		var id int32
		if _, err := fmt.Sscan(token, &id); err == nil {
			special["unk"] = id
		}
	}
	return special
}
