package calibrated_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

func golden(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden packs with a calibration that torch learned, and wants what torch decodes and the bits that it counts.
func TestGolden(t *testing.T) {
	var told map[string]int
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatal(err)
	}
	m, err := calibrated.NewModel(golden(t, "golden.e8k"))
	if err != nil {
		t.Fatal(err)
	}
	for how, name := range map[calibrated.How]string{calibrated.Random: "alone", calibrated.Page: "page"} {
		c := mustCoder(t, m, told["q"], how, contract.F32)
		in, want := golden(t, "golden-in.f32"), golden(t, "golden-"+name+".f32")
		size := len(in) / (2 * m.Layers)
		var page, decoded []contract.Vectors
		for i := range 2 * m.Layers {
			v := contract.Vectors{Layer: i / 2, Part: contract.Part(1 + i%2), Tokens: size / c.Shape().TokenBytes(), Data: in[i*size : (i+1)*size]}
			page = append(page, v)
			v.Data = want[i*size : (i+1)*size]
			decoded = append(decoded, v)
		}
		frame, err := c.Encode(t.Context(), nil, page...)
		if err != nil {
			t.Fatal(err)
		}
		back := blank(page)
		if err := c.Decode(t.Context(), frame, back...); err != nil {
			t.Fatal(err)
		}
		// Sums in another order can tip a point over, and what is predicted from it then differs too.
		lost, quantised := loss(c.Shape(), decoded, back), loss(c.Shape(), page, back)
		if lost > 0.1*quantised {
			t.Errorf("%s: what comes back is %.2g from what torch has, and %.2g from what was packed", name, lost, quantised)
		}
		// a stream has its lanes' states, a frame its head
		if got, ideal := 8*len(frame), told[name]; got < ideal*99/100 || got > ideal*103/100+8*220 {
			t.Errorf("%s: %d bits, %d are ideal", name, got, ideal)
		}
	}
}
