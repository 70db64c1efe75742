package eval

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func decibel(x float64) *float64 { return &x }

// example has every field.
func example() *Report {
	return &Report{
		Schema: Schema, Version: "v1", Context: 512, Tokens: 1022,
		Texts:    []Used{{Name: "a.txt", SHA256: strings.Repeat("0", 64), Windows: 2, Tokens: 1022}},
		Baseline: "tiny",
		Results: []Result{
			{Channel: "tiny", ID: "tiny", Backend: "llamacpp", Model: Model{Name: "Tiny", Layers: 2}, KVTypeK: "f16", KVTypeV: "f16",
				Perplexity: Estimate{20, 0.5}, BytesPerToken: 2048, BitsPerElement: 16},
			{Channel: "tiny@e8-q10", ID: "tiny@e8-q10", Backend: "llamacpp", Model: Model{Name: "Tiny", Layers: 2}, KVTypeK: "f16", KVTypeV: "f16",
				Codec: &Codec{
					Name: "e8", Version: "1", Params: map[string]string{"q": "10"}, Sinks: 1, Share: 0.99, Bits: 4.125, FixedBits: decibel(4.625),
					SNR: []LayerSNR{{Layer: 0, K: decibel(22.5), V: decibel(23.25)}, {Layer: 1, V: decibel(21)}},
				},
				Perplexity: Estimate{20.5, 0.5}, Delta: Change{2.5, 1.5, 3.5}, KL: Estimate{0.025, 0.001}, Top1: Estimate{91, 0.9},
				BytesPerToken: 540.5, BitsPerElement: 4.22, Seconds: 3},
		},
	}
}

func TestReportKeepsItsSchema(t *testing.T) {
	text, err := os.ReadFile("schema.json")
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("schema.json", doc))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)

	var out bytes.Buffer
	require.NoError(t, example().Write(&out))
	var value any
	require.NoError(t, json.Unmarshal(out.Bytes(), &value))
	require.NoError(t, schema.Validate(value))

	value.(map[string]any)["schema"] = "kakeyad-eval/0"
	require.Error(t, schema.Validate(value))
}

func TestReportIsReadBack(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().Write(&out))
	got, err := Read(&out)
	require.NoError(t, err)
	assert.Equal(t, example(), got)

	_, err = Read(strings.NewReader(`{"schema":"kakeyad-eval/99"}`))
	require.ErrorIs(t, err, base.ErrUnsupported)
	_, err = Read(strings.NewReader(`{"schema":`))
	require.ErrorIs(t, err, base.ErrCorrupt)
}

func TestReportsJoin(t *testing.T) {
	a, b := example(), example()
	b.Results[1].Channel = "tiny@e8-q38"
	require.NoError(t, a.Add(b))
	require.NoError(t, a.Add(b), "again changes nothing")
	var names []string
	for _, x := range a.Results {
		names = append(names, x.Channel)
	}
	assert.Equal(t, []string{"tiny", "tiny@e8-q10", "tiny@e8-q38"}, names)

	for name, change := range map[string]func(*Report){
		"windows":  func(r *Report) { r.Context = 256 },
		"text":     func(r *Report) { r.Texts[0].SHA256 = "1" },
		"baseline": func(r *Report) { r.Baseline = "tiny@e8-q38" },
		"model":    func(r *Report) { r.Results[0].Model.Layers = 3 },
		"measured": func(r *Report) { r.Results[0].Perplexity.Value = 21 },
	} {
		other := example()
		change(other)
		require.ErrorIs(t, example().Add(other), base.ErrInvalid, name)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, example().Table(&out))
	require.NoError(t, example().Layers(&out))
	want, err := os.ReadFile("testdata/table")
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}
