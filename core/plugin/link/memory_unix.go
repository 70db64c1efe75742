//go:build unix && !linux

package link

import (
	"fmt"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// newMemory makes a file whose name is gone before anyone can look.
func newMemory(size int64) (*os.File, error) {
	f, err := os.CreateTemp("", "kakeya-link")
	if err != nil {
		return nil, fmt.Errorf("make shared memory: %w", err)
	}
	err = os.Remove(f.Name())
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make shared memory of %d bytes: %w: %w", size, base.ErrOutOfMemory, err)
	}
	return f, nil
}

// checkMemory can ask for no seals here.
func checkMemory(*os.File) error { return nil }
