package link

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// seals keep a peer from taking pages away under the other's hands.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// newMemory makes memory without a name.
func newMemory(size int64) (*os.File, error) {
	fd, err := unix.MemfdCreate("kakeya-link", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make shared memory: %w", err)
	}
	f := os.NewFile(uintptr(fd), "shared memory")
	if err := unix.Ftruncate(fd, size); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make shared memory of %d bytes: %w: %w", size, base.ErrOutOfMemory, err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("seal shared memory: %w", err)
	}
	return f, nil
}

// checkMemory refuses memory that a peer could shrink.
func checkMemory(f *os.File) error {
	got, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return fmt.Errorf("shared memory: %w", err)
	}
	if got&unix.F_SEAL_SHRINK == 0 {
		return fmt.Errorf("shared memory: %w: it is not sealed", base.ErrInvalid)
	}
	return nil
}
