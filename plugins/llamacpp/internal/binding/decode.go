package binding

// #include "llama.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// Errors of Decode.
var (
	ErrNoCells     = errors.New("no room in the KV cache")
	ErrInterrupted = errors.New("interrupted")
)

// batch is llama.cpp's form of a step, in C memory. Every token belongs to one sequence.
type batch struct {
	c      C.struct_llama_batch
	tokens []C.llama_token
	seqs   []*C.llama_seq_id
	pos    []C.llama_pos
	logits []C.int8_t
	n      int
}

func newBatch(size int) batch {
	c := C.llama_batch_init(C.int32_t(size), 0, 1)
	b := batch{
		c:      c,
		tokens: unsafe.Slice(c.token, size),
		seqs:   unsafe.Slice(c.seq_id, size),
		pos:    unsafe.Slice(c.pos, size),
		logits: unsafe.Slice(c.logits, size),
	}
	for i, counts := 0, unsafe.Slice(c.n_seq_id, size); i < size; i++ {
		counts[i] = 1
	}
	return b
}

func (b *batch) free() { C.llama_batch_free(b.c) }

// Clear begins a step.
func (c *Context) Clear() { c.batch.n = 0 }

// Add adds a token to the step. There may be at most Batch of them.
func (c *Context) Add(token, pos, seq int32, output bool) {
	b := &c.batch
	i := b.n
	b.tokens[i] = C.llama_token(token)
	b.pos[i] = C.llama_pos(pos)
	*b.seqs[i] = C.llama_seq_id(seq)
	b.logits[i] = 0
	if output {
		b.logits[i] = 1
	}
	b.n++
}

// Decode computes the step and waits for it. ErrNoCells: nothing was done. After any other
// error the step's cells are forgotten.
func (c *Context) Decode() error {
	c.batch.c.n_tokens = C.int32_t(c.batch.n)
	errorsBefore := errorLines()
	if c.taps != nil {
		c.taps.begin()
	}
	code := C.llama_decode(c.c, c.batch.c)
	if code == 0 {
		C.llama_synchronize(c.c)
	}
	if c.taps != nil {
		if err := c.taps.end(); err != nil && code == 0 {
			return err
		}
	}
	switch code {
	case 0:
		return nil
	case 1:
		return ErrNoCells
	case 2:
		return ErrInterrupted
	}
	return fmt.Errorf("llama.cpp: %s (code %d)", whyFailed(errorsBefore), int(code))
}

// RemoveCells forgets positions [from, to) of a sequence; to < 0 is the end. False: the cache
// cannot cut there.
func (c *Context) RemoveCells(seq, from, to int32) bool {
	return c.memory == nil || bool(C.llama_memory_seq_rm(c.memory, C.llama_seq_id(seq), C.llama_pos(from), C.llama_pos(to)))
}

// ShareCells makes positions [0, to) of src also those of dst.
func (c *Context) ShareCells(src, dst, to int32) {
	C.llama_memory_seq_cp(c.memory, C.llama_seq_id(src), C.llama_seq_id(dst), 0, C.llama_pos(to))
}

// LastPosition is the highest position of a sequence, -1 when it is empty.
func (c *Context) LastPosition(seq int32) int32 {
	return int32(C.llama_memory_seq_pos_max(c.memory, C.llama_seq_id(seq)))
}

// FirstPosition is the lowest position of a sequence that all layers still have, -1 when it is empty.
// Layers with a sliding window may give up what has left it.
func (c *Context) FirstPosition(seq int32) int32 {
	return int32(C.llama_memory_seq_pos_min(c.memory, C.llama_seq_id(seq)))
}

// ClearCache forgets all sequences.
func (c *Context) ClearCache() {
	if c.memory != nil {
		C.llama_memory_clear(c.memory, false)
	}
}
