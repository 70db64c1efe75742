//go:build unix

package link

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// mapMemory maps all of a file, which may be closed after.
func mapMemory(f *os.File, size int64) ([]byte, error) {
	if int64(int(size)) != size {
		return nil, fmt.Errorf("shared memory of %d bytes: %w", size, base.ErrOutOfMemory)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	if info.Size() != size {
		return nil, fmt.Errorf("shared memory: %w: %d bytes, not %d", base.ErrInvalid, info.Size(), size)
	}
	mapping, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map shared memory: %w", err)
	}
	return mapping, nil
}

func unmapMemory(mapping []byte) { _ = unix.Munmap(mapping) }
