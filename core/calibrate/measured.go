package calibrate

import (
	_ "embed"
	"encoding/json"
	"hash/fnv"
	"strings"
	"sync"
	"unicode"
)

//go:generate go run ./gen measured.json ../../bench/texts

//go:embed measured.json
var measuredJSON []byte

const (
	shingle     = 8  // words of a passage
	sampled     = 64 // one passage of so many is known
	coincidence = 2  // known passages that mean nothing
)

// known are the passages of bench/texts.
var known = sync.OnceValue(func() map[uint32]bool {
	var list []uint32
	if err := json.Unmarshal(measuredJSON, &list); err != nil {
		panic(err) // it is embedded
	}
	out := make(map[uint32]bool, len(list))
	for _, h := range list {
		out[h] = true
	}
	return out
})

// Passages are hashes of some of a text's passages, whatever its layout: of those of eight words, in lower case and
// without marks, one of 64.
func Passages(text string) []uint32 {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	var out []uint32
	for i := 0; i+shingle <= len(words); i++ {
		h := fnv.New32a()
		for _, w := range words[i : i+shingle] {
			_, _ = h.Write([]byte(w + " "))
		}
		if sum := h.Sum32(); sum%sampled == 0 {
			out = append(out, sum)
		}
	}
	return out
}

// Measured says whether a text has passages of those that codecs are measured with, in bench/texts. A calibration that
// has learned from them cannot be measured with them.
func Measured(text string) bool {
	found := map[uint32]bool{}
	for _, h := range Passages(text) {
		if known()[h] {
			found[h] = true
		}
	}
	return len(found) > coincidence
}
