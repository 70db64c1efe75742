package service

import (
	"fmt"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// openFile says in plain words what is wrong with a file that cannot be opened.
func openFile(path string) (*weights.File, error) {
	if !filepath.IsAbs(path) {
		return nil, invalid("path", "%q is not absolute", path)
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %w (%s)", backend.ErrModelFile, path, err, gguf.Advice(err))
	}
	return f, nil
}
