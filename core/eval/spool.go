package eval

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Spool keeps distributions on disk, in order. It is of one process and has no format: the
// numbers lie as they do in memory.
type Spool struct {
	file *os.File
	buf  *bufio.Writer
}

const spoolBuffer = 1 << 20

// NewSpool makes a file in dir ("": the system's folder for such), which is gone when the process
// is. The caller closes the spool.
func NewSpool(dir string) (*Spool, error) {
	f, err := os.CreateTemp(dir, "kakeyad-eval-*")
	if err != nil {
		return nil, fmt.Errorf("make a file for the baseline's distributions: %w", err)
	}
	_ = os.Remove(f.Name()) // where a file cannot go while it is open, close does it
	return &Spool{file: f, buf: bufio.NewWriterSize(f, spoolBuffer)}, nil
}

// Add keeps a distribution.
func (s *Spool) Add(l backend.Levels) error {
	if _, err := s.buf.Write(bytesOf(l)); err != nil {
		return fmt.Errorf("keep the baseline's distributions (two bytes for each token of the vocabulary and each token of the texts; TMPDIR says where): %w", err)
	}
	return nil
}

// Rewind ends the writing and returns what fills in one distribution after the other, from the first on.
func (s *Spool) Rewind() (next func(backend.Levels) error, err error) {
	err = s.buf.Flush()
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, fmt.Errorf("read the baseline's distributions: %w", err)
	}
	in := bufio.NewReaderSize(s.file, spoolBuffer)
	return func(l backend.Levels) error {
		if _, err := io.ReadFull(in, bytesOf(l)); err != nil {
			return fmt.Errorf("read the baseline's distributions: %w", err)
		}
		return nil
	}, nil
}

// Close removes the file.
func (s *Spool) Close() error {
	err := s.file.Close()
	if e := os.Remove(s.file.Name()); e != nil && !errors.Is(e, os.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

func bytesOf(l backend.Levels) []byte {
	if len(l) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&l[0])), 2*len(l))
}
