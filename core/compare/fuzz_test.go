package compare

import (
	"strings"
	"testing"
)

// FuzzReadPrompts wants of any text prompts that say something, or an error.
func FuzzReadPrompts(f *testing.F) {
	for _, seed := range []string{
		"", "\"a\"\n\n\"b\"", `{"prompt": "x", "kind": "chat"}`, `{"messages": [{"role": "user", "content": "x"}], "name": "n"}`,
		`{"prompt": "x", "messages": []}`, `{"prompt": 3}`, "[1]", "{", "null", "\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prompts, err := ReadPrompts(strings.NewReader(text))
		if err == nil && len(prompts) == 0 {
			t.Error("neither prompts nor an error")
		}
	})
}

// FuzzParseCondition wants of any text a condition or an error.
func FuzzParseCondition(f *testing.F) {
	for _, seed := range []string{"", "ppl_delta_pct > 1", "generation_ratio<0.95", "kl >= 1e-3", "kl > nan", "kl", "> 1", "x = 1", "kl > 1 > 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCondition(text); (c == nil) == (err == nil) {
			t.Errorf("%v and %v", c, err)
		}
	})
}
