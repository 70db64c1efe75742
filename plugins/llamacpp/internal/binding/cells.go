package binding

// #include "cells.h"
import "C"

import "unsafe"

// Rows is one layer's keys or values in the KV cache: a row a cell.
type Rows struct {
	c     *C.struct_ggml_tensor
	Cache int // which of the caches' cells they lie in
}

// CacheLayer is one layer of the KV cache.
type CacheLayer struct {
	Layer int
	K, V  Rows
}

// CacheLayers returns the layers that have a cache, in order. False: the cache is of a kind whose cells
// cannot be read and written, such as a running state, or values that lie across their cells.
func (c *Context) CacheLayers(layers int) ([]CacheLayer, bool) {
	if c.memory == nil {
		return nil, false
	}
	list := make([]C.kakeya_cache_layer, layers)
	n := int(C.kakeya_cache_layers(c.c, unsafe.SliceData(list), C.int(layers)))
	if n < 0 {
		return nil, false
	}
	out := make([]CacheLayer, n)
	for i, l := range list[:n] {
		out[i] = CacheLayer{Layer: int(l.layer), K: Rows{l.k, int(l.cache)}, V: Rows{l.v, int(l.cache)}}
	}
	return out, true
}

// Spots are the cells of consecutive positions, [caches][positions].
type Spots [][]uint32

func (c *Context) newSpots(n int32) (Spots, []uint32) {
	count := int(C.kakeya_cache_count(c.c))
	flat := make([]uint32, count*int(n))
	s := make(Spots, count)
	for i := range s {
		s[i] = flat[i*int(n) : (i+1)*int(n)]
	}
	return s, flat
}

// FindCells returns where positions [from, to) of a sequence are. False: some is not there.
func (c *Context) FindCells(seq, from, to int32) (Spots, bool) {
	s, flat := c.newSpots(to - from)
	return s, bool(C.kakeya_cache_find(c.c, C.int32_t(seq), C.int32_t(from), C.int32_t(to), (*C.uint32_t)(unsafe.SliceData(flat))))
}

// TakeCells appends positions [from, to) to a sequence, whose rows hold anything then. False: there is
// no room, and nothing was done.
func (c *Context) TakeCells(seq, from, to int32) (Spots, bool) {
	s, flat := c.newSpots(to - from)
	return s, bool(C.kakeya_cache_take(c.c, C.int32_t(seq), C.int32_t(from), C.int32_t(to), (*C.uint32_t)(unsafe.SliceData(flat))))
}

// RowBytes is the size of a row.
func (r Rows) RowBytes() int { return int(r.c.nb[1]) }

// Width is how many numbers a row has.
func (r Rows) Width() int { return int(r.c.ne[0]) }

// Type is the rows' number format.
func (r Rows) Type() KVType { return KVType(r.c._type) }

// Read copies rows, in the order of the cells, to b, which has room for them.
func (r Rows) Read(cells []uint32, b []byte) {
	C.kakeya_rows_read(r.c, (*C.uint32_t)(unsafe.SliceData(cells)), C.int(len(cells)), unsafe.Pointer(unsafe.SliceData(b)))
}

// Write replaces rows.
func (r Rows) Write(cells []uint32, b []byte) {
	C.kakeya_rows_write(r.c, (*C.uint32_t)(unsafe.SliceData(cells)), C.int(len(cells)), unsafe.Pointer(unsafe.SliceData(b)))
}

// ToF16 converts rows of width numbers to f16, [rows, width]. False: there is no way.
func (t KVType) ToF16(dst, rows []byte, n, width int) bool {
	if t == KVF16 {
		return copy(dst, rows) == 2*n*width
	}
	return bool(C.kakeya_rows_to_f16(C.int(t), unsafe.Pointer(unsafe.SliceData(rows)),
		(*C.uint16_t)(unsafe.Pointer(unsafe.SliceData(dst))), C.int64_t(n), C.int64_t(width)))
}

// FromF16 is the way back.
func (t KVType) FromF16(dst, f16 []byte, n, width int) bool {
	if t == KVF16 {
		return copy(dst, f16) == 2*n*width
	}
	return bool(C.kakeya_rows_from_f16(C.int(t), (*C.uint16_t)(unsafe.Pointer(unsafe.SliceData(f16))),
		unsafe.Pointer(unsafe.SliceData(dst)), C.int64_t(n), C.int64_t(width)))
}
