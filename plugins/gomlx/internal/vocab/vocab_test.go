package vocab_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/vocab"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// TestGoldens holds the tokens of tricky texts against llama.cpp's, which TestGoldens of the llamacpp plugin wrote.
func TestGoldens(t *testing.T) {
	for name, path := range map[string]string{"smollm2": testmodel.SmolLM2(t), "gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			f, err := weights.Open(path)
			require.NoError(t, err)
			defer f.Close()
			v, err := vocab.New(f)
			require.NoError(t, err)
			raw, err := os.ReadFile("testdata/" + name + ".json")
			require.NoError(t, err)
			var goldens []struct {
				Text          string
				Plain, Parsed []backend.Token
			}
			require.NoError(t, json.Unmarshal(raw, &goldens))
			require.NotEmpty(t, goldens)
			for _, g := range goldens {
				for parse, want := range map[bool][]backend.Token{false: g.Plain, true: g.Parsed} {
					got, err := v.Tokenize(g.Text, true, parse)
					require.NoError(t, err)
					if len(want) == 0 {
						require.Empty(t, got)
						continue
					}
					if !equal(want, got) {
						t.Errorf("%q, parsed %v:\nwant %v\ngot  %v", g.Text, parse, want, got)
						continue
					}
					if v.AddsBOS() {
						got = got[1:]
					}
					if strings.Contains(g.Text, "▁") {
						continue // which stands for a space
					}
					text, err := v.Detokenize(got)
					require.NoError(t, err)
					if string(text) != g.Text {
						t.Errorf("%q comes back as %q", g.Text, text)
					}
				}
			}
		})
	}
}

func equal(a, b []backend.Token) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
