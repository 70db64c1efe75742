package vocab_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

var rewrite = flag.Bool("rewrite", false, "write the tokens that the other backend's tokenizer is held against")

// tricky are texts that tokenizers disagree on.
var tricky = []string{
	"", " ", "  ", "\n", "\n\n\n", "\t\ttabs", "a", "Hello, world!", " leading", "trailing ", "two  spaces   three    four",
	"It's we'll I'd THEY'RE don't", "1234567890 12.5% 3rd", "naïve café Ünïcödé", "日本語のテキストと漢字", "Привет, мир", "مرحبا بالعالم", "हिन्दी में",
	"🙂🏳️‍🌈👩‍👩‍👧", "e\u0301 combining", "zero\u200bwidth\u00a0nbsp", "\r\nwindows\r\n\r\nlines", "func main() {\n\tfmt.Println(\"hi\")\n}\n",
	"<|im_start|>user\nHi<|im_end|>\n", "<start_of_turn>user\nHi<end_of_turn>\n", "<bos>x<eos>", "<|im_end|><|im_end|>", "<unused7><table>", "▁ literal ▁▁",
	"https://example.com/a?b=c&d=e#f", "a_b-c.d/e\\f|g", "==========----------", "CamelCaseAndsnake_case", "ſtrange ﬁ ligature", "\x00\x01\x7f", "mixed 中文 and English 123 テスト",
	"<0x0A>", "    indented\n        more", "ＦＵＬＬ width", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ab\u00adcd soft",
}

// golden is how a text is tokenized, special tokens added, and parsed or not.
type golden struct {
	Text   string
	Plain  []int32
	Parsed []int32
}

// TestGoldens holds llama.cpp's tokenizer against the tokens that the gomlx backend's tests have.
func TestGoldens(t *testing.T) {
	binding.Start()
	for name, path := range map[string]string{"smollm2": testmodel.SmolLM2(t), "gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			model, err := binding.LoadModel(path, binding.ModelParams{})
			require.NoError(t, err)
			v := vocab.New(model)
			defer model.Free()
			defer v.Close()
			var got []golden
			for _, text := range tricky {
				plain, err := v.Tokenize(text, true, false)
				require.NoError(t, err)
				parsed, err := v.Tokenize(text, true, true)
				require.NoError(t, err)
				got = append(got, golden{text, append([]int32{}, plain...), append([]int32{}, parsed...)})
			}
			file := "../../../gomlx/internal/vocab/testdata/" + name + ".json"
			if *rewrite {
				out, err := json.Marshal(got)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, append(out, '\n'), 0o600))
			}
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var want []golden
			require.NoError(t, json.Unmarshal(raw, &want))
			require.Equal(t, want, got)
		})
	}
}
