// Package gguf reads the head of a GGUF model file: enough to tell, before llama.cpp opens it,
// whether it is one, whether it is whole, and what it says of itself.
package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Errors of Read. They say what is wrong with the file.
var (
	ErrNotGGUF   = errors.New("not a GGUF file")
	ErrVersion   = errors.New("unknown GGUF version")
	ErrTruncated = errors.New("file is cut short")
	ErrDamaged   = errors.New("file is damaged")
)

// Limits of what is believed. Real files stay far below them.
const (
	maxEntries = 1 << 20
	maxString  = 64 << 20
	maxKey     = 1 << 16
)

// Head is what a model file says of itself.
type Head struct {
	Version      uint32
	Tensors      uint64
	Architecture string            // general.architecture
	Strings      map[string]string // all values that are text
	Lists        map[string]List   // all values that are lists of text
	Integers     map[string]int64  // all values that are one 32-bit or 64-bit integer
	Size         int64             // of the file in bytes
}

// List tells lists of text from each other.
type List struct {
	Length uint64
	Digest uint64 // FNV-1a of all texts and their lengths
}

// ReadFile reads the head of a file.
func ReadFile(path string) (Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return Head{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Head{}, err
	}
	if !info.Mode().IsRegular() {
		return Head{}, fmt.Errorf("%w: it is a %s", ErrNotGGUF, kind(info.Mode()))
	}
	return Read(f, info.Size())
}

func kind(m os.FileMode) string {
	if m.IsDir() {
		return "directory"
	}
	return "special file"
}

// Read reads the head of a file of size bytes.
func Read(r io.Reader, size int64) (Head, error) {
	d := &decoder{r: bufio.NewReaderSize(r, 1<<16), left: size}
	h := Head{Strings: map[string]string{}, Lists: map[string]List{}, Integers: map[string]int64{}, Size: size}
	var magic [4]byte
	if err := d.bytes(magic[:]); err != nil || string(magic[:]) != "GGUF" {
		return Head{}, fmt.Errorf("%w: it does not begin with the letters GGUF", ErrNotGGUF)
	}
	h.Version = d.u32()
	if d.err == nil && (h.Version < 2 || h.Version > 3) {
		return Head{}, fmt.Errorf("%w %d: 2 and 3 are known", ErrVersion, h.Version)
	}
	h.Tensors = d.u64()
	pairs := d.u64()
	if d.err == nil && (h.Tensors > maxEntries || pairs > maxEntries) {
		return Head{}, fmt.Errorf("%w: it claims %d tensors and %d keys", ErrDamaged, h.Tensors, pairs)
	}
	for range pairs {
		if d.err != nil {
			break
		}
		key := d.text(maxKey)
		d.value(&h, key, valueType(d.u32()))
	}
	h.Architecture = h.Strings["general.architecture"]
	end := d.tensors(h.Tensors)
	if d.err != nil {
		return Head{}, d.err
	}
	if h.Architecture == "" {
		return Head{}, fmt.Errorf("%w: it has no general.architecture", ErrDamaged)
	}
	if start := size - d.left; start+end > size {
		return Head{}, fmt.Errorf("%w: it has %d bytes, its tensors need at least %d", ErrTruncated, size, start+end)
	}
	return h, nil
}

// tensors reads the list of tensors and returns the furthest offset at which one begins.
func (d *decoder) tensors(n uint64) (last int64) {
	for range n {
		d.text(maxKey)
		dims := d.u32()
		if d.err == nil && dims > 4 {
			d.err = fmt.Errorf("%w: a tensor of %d dimensions", ErrDamaged, dims)
		}
		if d.err != nil {
			return 0
		}
		for range dims {
			d.u64()
		}
		d.u32() // type
		offset := d.u64()
		if offset > 1<<62 {
			d.err = fmt.Errorf("%w: a tensor at offset %d", ErrDamaged, offset)
			return 0
		}
		last = max(last, int64(offset))
	}
	return last
}

// decoder reads little-endian values and remembers the first error.
type decoder struct {
	r    *bufio.Reader
	left int64 // bytes of the file not yet read
	err  error
}

func (d *decoder) bytes(p []byte) error {
	if d.err != nil {
		return d.err
	}
	if int64(len(p)) > d.left {
		d.err = fmt.Errorf("%w: it ends inside its header", ErrTruncated)
		return d.err
	}
	n, err := io.ReadFull(d.r, p)
	d.left -= int64(n)
	if err != nil {
		d.err = fmt.Errorf("%w: %w", ErrTruncated, err)
	}
	return d.err
}

func (d *decoder) skip(n int64) { d.copy(io.Discard, n) }

// copy hands the next n bytes on.
func (d *decoder) copy(to io.Writer, n int64) {
	if d.err != nil {
		return
	}
	if n < 0 || n > d.left {
		d.err = fmt.Errorf("%w: it ends inside its header", ErrTruncated)
		return
	}
	copied, err := io.CopyN(to, d.r, n)
	d.left -= copied
	if err != nil {
		d.err = fmt.Errorf("%w: %w", ErrTruncated, err)
	}
}

func (d *decoder) u32() uint32 {
	var b [4]byte
	if d.bytes(b[:]) != nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b[:])
}

func (d *decoder) u64() uint64 {
	var b [8]byte
	if d.bytes(b[:]) != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

// text reads a string of at most limit bytes.
func (d *decoder) text(limit uint64) string {
	n := d.u64()
	if d.err != nil {
		return ""
	}
	if n > limit {
		d.err = fmt.Errorf("%w: a string of %d bytes", ErrDamaged, n)
		return ""
	}
	if int64(n) > d.left {
		d.err = fmt.Errorf("%w: it ends inside its header", ErrTruncated)
		return ""
	}
	b := make([]byte, n)
	if d.bytes(b) != nil {
		return ""
	}
	return string(b)
}
