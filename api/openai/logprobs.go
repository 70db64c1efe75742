package openai

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// leastLogprob stands for minus infinity, which JSON cannot say.
const leastLogprob = -9999

func appendLogprob(b []byte, l float32) []byte {
	f := float64(l)
	if math.IsNaN(f) || f < leastLogprob {
		f = leastLogprob
	}
	return strconv.AppendFloat(b, f, 'g', -1, 32)
}

// appendChatLogprobs appends {"content":[...],"refusal":null}.
func appendChatLogprobs(b []byte, tokens []backend.TokenLogprob) []byte {
	b = append(b, `{"content":[`...)
	for i := range tokens {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTokenLogprob(b, &tokens[i])
		b = append(b, `,"top_logprobs":[`...)
		for j := range tokens[i].Top {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(appendTokenLogprob(b, &tokens[i].Top[j]), '}')
		}
		b = append(b, "]}"...)
	}
	return append(b, `],"refusal":null}`...)
}

// appendTokenLogprob appends an entry without its closing brace.
func appendTokenLogprob(b []byte, t *backend.TokenLogprob) []byte {
	b = append(b, `{"token":`...)
	b = AppendString(b, string(t.Bytes))
	b = append(b, `,"logprob":`...)
	b = appendLogprob(b, t.Logprob)
	b = append(b, `,"bytes":[`...)
	for i, c := range t.Bytes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return append(b, ']')
}

// appendTextLogprobs appends the object of completions and returns the offset, in characters, of
// what comes after the tokens.
func appendTextLogprobs(b []byte, tokens []backend.TokenLogprob, offset int) ([]byte, int) {
	b = append(b, `{"tokens":[`...)
	for i := range tokens {
		b = AppendString(separate(b, i), string(tokens[i].Bytes))
	}
	b = append(b, `],"token_logprobs":[`...)
	for i := range tokens {
		b = separate(b, i)
		if nothingBefore(&tokens[i]) {
			b = append(b, "null"...)
			continue
		}
		b = appendLogprob(b, tokens[i].Logprob)
	}
	b = append(b, `],"top_logprobs":[`...)
	for i := range tokens {
		b = separate(b, i)
		if nothingBefore(&tokens[i]) {
			b = append(b, "null"...)
			continue
		}
		b = appendTop(b, tokens[i].Top)
	}
	b = append(b, `],"text_offset":[`...)
	for i := range tokens {
		b = strconv.AppendInt(separate(b, i), int64(offset), 10)
		offset += characters(tokens[i].Bytes)
	}
	return append(b, "]}"...), offset
}

// nothingBefore says that a token is the first of all, and so has no probability.
func nothingBefore(t *backend.TokenLogprob) bool { return t.Logprob != t.Logprob }

// appendTop appends an object of alternatives by text. Of two with the same text the likelier
// stays.
func appendTop(b []byte, top []backend.TokenLogprob) []byte {
	b = append(b, '{')
	n := 0
	for i := range top {
		if repeated(top[:i], string(top[i].Bytes)) {
			continue
		}
		b = AppendString(separate(b, n), string(top[i].Bytes))
		b = appendLogprob(append(b, ':'), top[i].Logprob)
		n++
	}
	return append(b, '}')
}

func repeated(before []backend.TokenLogprob, text string) bool {
	for i := range before {
		if string(before[i].Bytes) == text {
			return true
		}
	}
	return false
}

// characters counts those that begin in a token's bytes.
func characters(b []byte) int {
	n := 0
	for _, c := range b {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

func separate(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}
