// Package enginetest has an executor without a model, for tests of what stands on the engine, and a
// conformance test for executors.
package enginetest

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Fake is an executor whose logits after a token are a hash of that token and all before it in its
// sequence, read back from a simulated KV cache: a mistake about what lies where changes the
// answer. It fails the test when the engine breaks a rule of [engine.Executor].
type Fake struct {
	tb     testing.TB
	config Config

	cells []cell
	free  []int   // indices of cells that no sequence holds
	seqs  [][]int // [sequences][position] index of the cell
	out   [][]float32

	mu        sync.Mutex
	interrupt context.CancelFunc // of the running step
	steps     int
	computed  int
}

// Config says how a Fake behaves.
type Config struct {
	Limits engine.Limits // Vocabulary 0: that of [Vocabulary]; at most 64 sequences

	Cells        int  // that there really are; 0: as many as in Limits
	RefusePages  bool // CopyCells never can
	RefuseRemove bool // SeqRemove cannot cut inside a sequence
	RefuseCopy   bool // SeqCopy never can

	// BeforeStep, if any, is called in each Step; its error is Step's. Its context is done when
	// the step is interrupted.
	BeforeStep func(ctx context.Context, items []engine.Item) error

	// Next, if any, says which token is by far the most likely after a history.
	Next func(history []backend.Token) backend.Token
}

type cell struct {
	token backend.Token
	pos   int32
	held  uint64 // one bit a sequence; 0: free
}

// NewFake returns a Fake with an empty cache.
func NewFake(tb testing.TB, config Config) *Fake {
	if config.Limits.Vocabulary == 0 {
		config.Limits.Vocabulary = Vocabulary{}.Size()
	}
	if config.Cells == 0 {
		config.Cells = config.Limits.Cells
	}
	f := &Fake{
		tb:     tb,
		config: config,
		cells:  make([]cell, config.Cells),
		seqs:   make([][]int, config.Limits.Sequences),
	}
	for i := range f.cells {
		f.free = append(f.free, i)
	}
	return f
}

// Limits implements [engine.Executor].
func (f *Fake) Limits() engine.Limits { return f.config.Limits }

// Step implements [engine.Executor].
func (f *Fake) Step(items []engine.Item) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.mu.Lock()
	f.interrupt = cancel
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.interrupt = nil
		f.mu.Unlock()
	}()
	if f.config.BeforeStep != nil {
		if err := f.config.BeforeStep(ctx, items); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return engine.ErrInterrupted
	}
	if err := f.check(items); err != nil {
		f.tb.Errorf("engine broke a rule: %v", err)
		return err
	}
	if len(f.free) < len(items) {
		return engine.ErrNoCells
	}
	f.out = f.out[:0]
	for _, it := range items {
		f.append(it.Seq, it.Token)
		if it.Output {
			f.out = append(f.out, f.logits(f.history(it.Seq)))
		}
	}
	f.mu.Lock()
	f.steps++
	f.computed += len(items)
	f.mu.Unlock()
	return nil
}

// check says which rule the items break.
func (f *Fake) check(items []engine.Item) error {
	if len(items) == 0 || len(items) > f.config.Limits.Batch {
		return fmt.Errorf("step of %d items, 1 to %d may be", len(items), f.config.Limits.Batch)
	}
	next := map[engine.SeqID]int32{}
	for i, it := range items {
		if it.Seq < 0 || int(it.Seq) >= len(f.seqs) {
			return fmt.Errorf("item %d: no sequence %d", i, it.Seq)
		}
		if it.Token < 0 || int(it.Token) >= f.config.Limits.Vocabulary {
			return fmt.Errorf("item %d: no token %d", i, it.Token)
		}
		want := int32(len(f.seqs[it.Seq])) + next[it.Seq]
		if it.Pos != want {
			return fmt.Errorf("item %d: position %d of sequence %d, the next is %d", i, it.Pos, it.Seq, want)
		}
		next[it.Seq]++
	}
	return nil
}

// Logits implements [engine.Executor].
func (f *Fake) Logits(n int) []float32 {
	if n < 0 || n >= len(f.out) {
		f.tb.Errorf("engine broke a rule: output %d of a step that had %d", n, len(f.out))
		return make([]float32, f.config.Limits.Vocabulary)
	}
	return f.out[n]
}

// SeqRemove implements [engine.Executor].
func (f *Fake) SeqRemove(seq engine.SeqID, from, to int32) bool {
	n := int32(len(f.seqs[seq]))
	if to < 0 {
		to = n
	}
	if from < 0 || from > to || to != n {
		f.tb.Errorf("engine broke a rule: removal of [%d, %d) from the %d tokens of sequence %d leaves a hole", from, to, n, seq)
		return false
	}
	if f.config.RefuseRemove && from > 0 && from < n {
		return false
	}
	for _, c := range f.seqs[seq][from:] {
		if f.cells[c].held &^= 1 << seq; f.cells[c].held == 0 {
			f.free = append(f.free, c)
		}
	}
	f.seqs[seq] = f.seqs[seq][:from]
	return true
}

// SeqCopy implements [engine.Executor].
func (f *Fake) SeqCopy(src, dst engine.SeqID, to int32) bool {
	switch {
	case src == dst || len(f.seqs[dst]) > 0:
		f.tb.Errorf("engine broke a rule: copy of sequence %d to %d, which holds %d tokens", src, dst, len(f.seqs[dst]))
		return false
	case to < 1 || int(to) > len(f.seqs[src]):
		f.tb.Errorf("engine broke a rule: copy of %d tokens of sequence %d, which holds %d", to, src, len(f.seqs[src]))
		return false
	case f.config.RefuseCopy:
		return false
	case !f.config.Limits.CopyIsFree && len(f.free) < int(to):
		return false
	}
	for _, c := range f.seqs[src][:to] {
		if f.config.Limits.CopyIsFree {
			f.cells[c].held |= 1 << dst
			f.seqs[dst] = append(f.seqs[dst], c)
		} else {
			f.append(dst, f.cells[c].token)
		}
	}
	return true
}

// Interrupt implements [engine.Executor].
func (f *Fake) Interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interrupt != nil {
		f.interrupt()
	}
}

// Steps returns how many steps there were and how many tokens were computed in them.
func (f *Fake) Steps() (steps, tokens int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps, f.computed
}

// Cells returns how many cells are held by sequences, and how often. Not while the engine runs.
func (f *Fake) Cells() (used, held int) {
	for _, c := range f.cells {
		held += bits.OnesCount64(c.held)
	}
	return len(f.cells) - len(f.free), held
}

func (f *Fake) append(seq engine.SeqID, t backend.Token) {
	i := f.free[len(f.free)-1]
	f.free = f.free[:len(f.free)-1]
	f.cells[i] = cell{token: t, pos: int32(len(f.seqs[seq])), held: 1 << seq}
	f.seqs[seq] = append(f.seqs[seq], i)
}

// history reads a sequence back from its cells.
func (f *Fake) history(seq engine.SeqID) []backend.Token {
	tokens := make([]backend.Token, len(f.seqs[seq]))
	for pos, i := range f.seqs[seq] {
		c := f.cells[i]
		if c.pos != int32(pos) || c.held&(1<<seq) == 0 {
			f.tb.Errorf("enginetest: cell %d of sequence %d has position %d, wanted %d", i, seq, c.pos, pos)
		}
		tokens[pos] = c.token
	}
	return tokens
}

func (f *Fake) logits(history []backend.Token) []float32 {
	return Logits(history, f.config.Limits.Vocabulary, f.config.Next)
}

// Logits are those of a Fake after a history: between -4 and 4, and 20 for next's token.
func Logits(history []backend.Token, vocabulary int, next func([]backend.Token) backend.Token) []float32 {
	h := uint64(14695981039346656037)
	for _, t := range history {
		h = mix(h ^ uint64(t))
	}
	logits := make([]float32, vocabulary)
	for i := range logits {
		logits[i] = float32(mix(h+uint64(i)*0x9e3779b97f4a7c15)>>40)/(1<<21) - 4
	}
	if next != nil {
		logits[next(history)] = 20
	}
	return logits
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
