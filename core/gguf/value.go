package gguf

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
)

// valueType is the number that stands before a value.
type valueType uint32

const (
	typeUint32 valueType = 4
	typeInt32  valueType = 5
	typeString valueType = 8
	typeArray  valueType = 9
	typeUint64 valueType = 10
	typeInt64  valueType = 11
)

// widths of the values of fixed size in bytes.
var widths = map[valueType]int64{
	0: 1, 1: 1, // 8-bit integers
	2: 2, 3: 2, // 16-bit integers
	4: 4, 5: 4, 6: 4, // 32-bit integers and float
	7:  1,               // bool
	10: 8, 11: 8, 12: 8, // 64-bit integers and float
}

// value reads a value into the head; texts, lists of text and single integers are kept.
func (d *decoder) value(h *Head, key string, t valueType) {
	switch t {
	case typeString:
		if text := d.text(maxString); d.err == nil {
			h.Strings[key] = text
		}
	case typeArray:
		if list := d.array(); list.Length > 0 {
			h.Lists[key] = list
		}
	case typeUint32, typeInt32:
		if n := d.u32(); d.err == nil {
			h.Integers[key] = int64(int32(n))
			if t == typeUint32 {
				h.Integers[key] = int64(n)
			}
		}
	case typeUint64, typeInt64:
		if n := d.u64(); d.err == nil {
			h.Integers[key] = int64(n)
		}
	default:
		d.skip(d.width(t))
	}
}

// array reads a list. Only one of text is told from others, and only when it is not empty.
func (d *decoder) array() (list List) {
	t := valueType(d.u32())
	n := d.u64()
	if d.err != nil {
		return list
	}
	if n > uint64(d.left) {
		d.err = fmt.Errorf("%w: it ends inside a list of %d values", ErrTruncated, n)
		return list
	}
	if t != typeString {
		d.skip(int64(n) * d.width(t))
		return list
	}
	sum := fnv.New64a()
	for range n {
		size := d.u64()
		if size > uint64(d.left) {
			size = uint64(d.left) + 1
		}
		_ = binary.Write(sum, binary.LittleEndian, size) // a hash takes all
		d.copy(sum, int64(size))
		if d.err != nil {
			return list
		}
	}
	return List{Length: n, Digest: sum.Sum64()}
}

func (d *decoder) width(t valueType) int64 {
	w, known := widths[t]
	if !known && d.err == nil {
		d.err = fmt.Errorf("%w: a value of the unknown type %d", ErrDamaged, t)
	}
	return w
}
