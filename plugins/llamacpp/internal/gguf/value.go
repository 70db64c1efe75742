package gguf

import "fmt"

// valueType is the number that stands before a value.
type valueType uint32

const (
	typeString valueType = 8
	typeArray  valueType = 9
)

// widths of the values of fixed size in bytes.
var widths = map[valueType]int64{
	0: 1, 1: 1, // 8-bit integers
	2: 2, 3: 2, // 16-bit integers
	4: 4, 5: 4, 6: 4, // 32-bit integers and float
	7:  1,               // bool
	10: 8, 11: 8, 12: 8, // 64-bit integers and float
}

// value reads a value; only text is kept.
func (d *decoder) value(t valueType) (text string, isText bool) {
	switch t {
	case typeString:
		return d.text(maxString), true
	case typeArray:
		d.array()
		return "", false
	}
	d.skip(d.width(t))
	return "", false
}

func (d *decoder) array() {
	t := valueType(d.u32())
	n := d.u64()
	if d.err != nil {
		return
	}
	if n > uint64(d.left) {
		d.err = fmt.Errorf("%w: it ends inside a list of %d values", ErrTruncated, n)
		return
	}
	if t != typeString {
		d.skip(int64(n) * d.width(t))
		return
	}
	for range n {
		size := d.u64()
		if size > uint64(d.left) {
			size = uint64(d.left) + 1
		}
		d.skip(int64(size))
		if d.err != nil {
			return
		}
	}
}

func (d *decoder) width(t valueType) int64 {
	w, known := widths[t]
	if !known && d.err == nil {
		d.err = fmt.Errorf("%w: a value of the unknown type %d", ErrDamaged, t)
	}
	return w
}
