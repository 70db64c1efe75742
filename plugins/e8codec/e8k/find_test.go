package e8k_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k/shipped"
)

var tiny = contract.Shape{Layers: 2, KVHeads: 2, HeadDim: 8, Type: contract.F16}

// model writes the file of a model of that name.
func model(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny-q4_0.gguf")
	put(t, path, gguftest.Model(name, "", 8))
	return path
}

func put(t *testing.T, path string, file []byte) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func marshal(t *testing.T, c *calibrated.Calibration) []byte {
	t.Helper()
	file, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func zipped(t *testing.T, file []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is named comes before what lies beside the model, and that before what is shipped.
func TestCalibrationsAreFound(t *testing.T) {
	path := model(t, "Tiny")
	beside, named := calibratedtest.Some(1, 2, 2, 8, 1, 2), calibratedtest.Some(2, 2, 2, 8, 1, 2)
	open := func(params contract.Params) (contract.Stream, error) {
		params["q"] = "20"
		return e8k.New("1.0.0").Open(t.Context(), tiny, params)
	}
	_, err := open(contract.Params{"model": path})
	if !errors.Is(err, base.ErrUnsupported) || !strings.Contains(err.Error(), "kakeyad calibrate") || !strings.Contains(err.Error(), "tiny-q4_0.e8k") {
		t.Fatalf("none is there: %v", err)
	}
	put(t, e8k.Beside(path), marshal(t, beside))
	other := filepath.Join(t.TempDir(), "other.e8k")
	put(t, other, marshal(t, named))
	formats := map[string]bool{}
	for _, params := range []contract.Params{{"model": path}, {"model": path, "calibration": other}} {
		s, err := open(params)
		if err != nil {
			t.Fatal(err)
		}
		formats[s.Describe().Format] = true
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(formats) != 2 {
		t.Fatalf("the same calibration twice: %v", formats)
	}
	put(t, e8k.Beside(path), zipped(t, marshal(t, beside)))
	s, err := open(contract.Params{"model": path})
	if err != nil {
		t.Fatal(err)
	}
	if !formats[s.Describe().Format] {
		t.Error("a compressed calibration has another name than as it is")
	}
	put(t, e8k.Beside(path), zipped(t, marshal(t, beside))[:100])
	if _, err := open(contract.Params{"model": path}); !errors.Is(err, base.ErrCorrupt) {
		t.Errorf("one that is cut off: %v", err)
	}
	if _, err := open(contract.Params{"model": path + ".none"}); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("a model that is not there: %v", err)
	}
}

// What is shipped fits its model, and has the rates that its card tells of.
func TestShipped(t *testing.T) {
	const name = "Smollm2 135M 8k Lc100K Mix1 Ep2"
	path := model(t, name)
	shape := contract.Shape{Layers: 30, KVHeads: 3, HeadDim: 64, Type: contract.F16}
	s, err := e8k.New("1.0.0").Open(t.Context(), shape, contract.Params{"model": path, "q": "15"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := s.Describe(); !strings.Contains(d.Format, "875985bda04f9345") || d.Params["form"] != "page" {
		t.Errorf("%+v", d)
	}
	r, err := gzip.NewReader(bytes.NewReader(shipped.Of(name)))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := file.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	c, err := calibrated.Parse(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if least, most := c.Qs(); c.Name != name || least != 8 || most != 34 {
		t.Errorf("%s, q%d to q%d", c.Name, least, most)
	}
	if shipped.Of("nobody") != nil {
		t.Error("a calibration of nobody is shipped")
	}
}
