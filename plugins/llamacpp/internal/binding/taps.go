package binding

// #include <stdlib.h>
// #include "taps.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// ErrNoTap is that of a model whose graphs lack the nodes of a tap, or whose cache takes others.
var ErrNoTap = errors.New("the model's graph has no such tensors")

// Tap looks at tensors while a step is being computed, and may change them. A graph's nodes are
// called <name>-<layer>; several in a row may be, and the last of them counts.
type Tap struct {
	Names  []string // one or two, of no other tap
	Layers []bool   // of the model's layers, those that are wanted
	Cached bool     // the tensors must be those that the cache takes: keys and values, in this order

	// Call is called in each step for each wanted layer, in order, within Decode and from its
	// goroutine, as soon as the last of the layer's tensors is computed and before anything
	// reads it. Tensors are in the order of Names. An error ends the step and is Decode's.
	Call func(layer int, t []Tensor) error
}

// Taps are those of one context. They outlive it.
type Taps struct {
	c      *C.kakeya_taps
	handle cgo.Handle
	taps   []Tap
	err    error // of the running step
}

// NewTaps makes some; each costs as many stops a step as it has layers.
func NewTaps(taps ...Tap) *Taps {
	t := &Taps{c: C.kakeya_taps_new(), taps: taps}
	t.handle = cgo.NewHandle(t)
	for _, tap := range taps {
		c := C.kakeya_taps_add(t.c, C.uintptr_t(t.handle), C.int(len(tap.Layers)), (*C.bool)(unsafe.SliceData(tap.Layers)))
		for _, name := range tap.Names {
			text := C.CString(name)
			C.kakeya_tap_name(c, text)
			C.free(unsafe.Pointer(text))
		}
		c.cached = C.bool(tap.Cached)
	}
	return t
}

// Free returns their memory. No Context may have them.
func (t *Taps) Free() {
	t.handle.Delete()
	C.kakeya_taps_free(t.c)
}

// Want adds a layer to those that the tap of a name looks at. Learn, a step and Learned must follow.
func (t *Taps) Want(name string, layer int) {
	for i, tap := range t.taps {
		if tap.Names[0] == name {
			unsafe.Slice((*bool)(t.c.taps[i].wanted), len(tap.Layers))[layer] = true
		}
	}
}

// Rest has the tap of a name look at nothing from the next step on, which then costs nothing, or look
// again.
func (t *Taps) Rest(name string, rest bool) {
	for i, tap := range t.taps {
		if tap.Names[0] == name {
			t.c.taps[i].resting = C.bool(rest)
		}
	}
}

// Learn makes Decode call nothing but find out which nodes there are, until Learned.
func (t *Taps) Learn() { t.c.learning = true }

// Learned ends that. ErrNoTap: the graph lacks something.
func (t *Taps) Learned() error {
	t.c.learning = false
	if t.c.foreign {
		return fmt.Errorf("%w: its cache takes other keys or values", ErrNoTap)
	}
	for i, tap := range t.taps {
		var layer C.int
		if !C.kakeya_tap_learned(&t.c.taps[i], &layer) {
			return fmt.Errorf("%w: %v of layer %d", ErrNoTap, tap.Names, int(layer))
		}
	}
	return nil
}

// begin is called before a graph is computed.
func (t *Taps) begin() {
	t.err = nil
	C.kakeya_taps_begin(t.c)
}

//export kakeyaTap
func kakeyaTap(handle C.uintptr_t, index, layer C.int, tensors **C.struct_ggml_tensor) C.bool {
	t := cgo.Handle(handle).Value().(*Taps)
	tap := &t.taps[index]
	var list [C.KAKEYA_TAP_NAMES]Tensor
	for i, c := range unsafe.Slice(tensors, len(tap.Names)) {
		list[i] = Tensor{c}
	}
	t.err = tap.Call(int(layer), list[:len(tap.Names)])
	return t.err == nil
}

// Tensor is one of a running step, of f32.
type Tensor struct{ c *C.struct_ggml_tensor }

// Shape is the lengths of the first three dimensions, the one that varies fastest first.
func (t Tensor) Shape() [3]int { return [3]int{int(t.c.ne[0]), int(t.c.ne[1]), int(t.c.ne[2])} }

// Bytes of its elements.
func (t Tensor) Bytes() int { return int(C.ggml_nelements(t.c)) * 4 }

// IsF32 says whether the elements are.
func (t Tensor) IsF32() bool { return t.c._type == C.GGML_TYPE_F32 }

// Read copies the elements to b, which has room for them.
func (t Tensor) Read(b []byte) { C.kakeya_tensor_read(t.c, unsafe.Pointer(unsafe.SliceData(b))) }

// Write replaces the elements.
func (t Tensor) Write(b []byte) { C.kakeya_tensor_write(t.c, unsafe.Pointer(unsafe.SliceData(b))) }
