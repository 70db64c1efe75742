package e8k

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k/shipped"
)

// Extension is that of a calibration beside its model's file.
const Extension = ".e8k"

// mostBytes bounds a calibration.
const mostBytes = 1 << 30

// Beside is where the calibration of a model's file is looked for: smollm2.e8k for smollm2.gguf.
func Beside(model string) string { return strings.TrimSuffix(model, ".gguf") + Extension }

// find reads the calibration that parameters ask for: the one that is named, else the one beside the model, else the one
// that is shipped for it. Errors: ErrInvalid that names the parameter; ErrUnsupported that says how to make one.
func find(o options) (file []byte, err error) {
	if o.calibration != "" {
		if file, err = read(keyCalibration, o.calibration); err != nil {
			return nil, fmt.Errorf("%s: %w", keyCalibration, err)
		}
		return file, nil
	}
	file, err = read(contract.ParamModel, Beside(o.model))
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	head, err := gguf.ReadFile(o.model)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", contract.ParamModel, base.ErrInvalid, err)
	}
	name := head.Facts().Name
	if packed := shipped.Of(name); packed != nil {
		return unpack(packed)
	}
	return nil, fmt.Errorf("%w: there is no calibration of %s (%s); `kakeyad calibrate CHANNEL --text FILE...` learns one and leaves it at %s, "+
		"or codec.params.calibration of the channel names one", base.ErrUnsupported, filepath.Base(o.model), name, Beside(o.model))
}

// read reads a calibration's file, which may be compressed by gzip.
func read(key, path string) ([]byte, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%s: %w: %q is no absolute path", key, base.ErrInvalid, path)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", base.ErrInvalid, err)
	}
	if !bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		return file, nil
	}
	if file, err = unpack(file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("calibration: %w: %w", base.ErrCorrupt, err)
	}
	file, err := io.ReadAll(io.LimitReader(r, mostBytes))
	if err != nil {
		return nil, fmt.Errorf("calibration: %w: %w", base.ErrCorrupt, err)
	}
	return file, nil
}
