package vocab

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// sentencePiece is the tokenizer "llama": characters, merged to the tokens of the highest scores.
type sentencePiece struct {
	scores []float64
	ids    map[string]backend.Token
	bytesT [256]backend.Token // tokens of single bytes, -1: there is none
	unk    backend.Token
}

func newSentencePiece(texts []string, types []int64, scores []float64, unk int) *sentencePiece {
	s := &sentencePiece{scores: scores, ids: byText(texts), unk: backend.Token(unk)}
	for b := range s.bytesT {
		s.bytesT[b] = -1
		if t, is := s.ids[fmt.Sprintf("<0x%02X>", b)]; is && types[t] == typeByte {
			s.bytesT[b] = t
		}
	}
	return s
}

// space stands for a space.
const space = "▁"

func (s *sentencePiece) encode(text string) ([]backend.Token, error) {
	symbols := strings.Split(strings.ReplaceAll(text, " ", space), "")
	var out []backend.Token
	for _, symbol := range merge(symbols, s.rank) {
		if t, is := s.ids[symbol]; is {
			out = append(out, t)
			continue
		}
		for i := range len(symbol) {
			if t := s.bytesT[symbol[i]]; t >= 0 {
				out = append(out, t)
			} else {
				out = append(out, s.unk)
			}
		}
	}
	return out, nil
}

func (s *sentencePiece) rank(left, right string) (float64, bool) {
	t, is := s.ids[left+right]
	if !is {
		return 0, false
	}
	return -s.scores[t], true
}

// bytes reads spaces from "▁" and bytes from "<0x0A>".
func (s *sentencePiece) bytes(text string, kind int64) []byte {
	if kind == typeByte && len(text) == 6 {
		if n, err := strconv.ParseUint(text[3:5], 16, 8); err == nil {
			return []byte{byte(n)}
		}
	}
	return []byte(strings.ReplaceAll(text, space, " "))
}
