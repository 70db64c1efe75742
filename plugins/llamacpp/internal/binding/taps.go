package binding

// #include <stdlib.h>
// #include "taps.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"time"
	"unsafe"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
)

// ErrNoTap is that of a model whose graphs lack the nodes of a tap, or whose cache takes others.
var ErrNoTap = errors.New("the model's graph has no such tensors")

// ErrOverdue is that of a step whose Trip got no answer in time. The lane must not be used again.
var ErrOverdue = errors.New("no answer through the lane")

// Tap looks at tensors while a step is being computed, and may change them. A graph's nodes are
// called <name>-<layer>; several in a row may be, and the last of them counts.
type Tap struct {
	Names  []string // one or two, of no other tap
	Layers []bool   // of the model's layers, those that are wanted
	Cached bool     // the tensors must be those that the cache takes: keys and values, in this order

	// Call is called in each step for each wanted layer, in order, within Decode and from its
	// goroutine, when the last of the layer's tensors is computed and before anything
	// reads it. Tensors are in the order of Names. An error is Decode's, and is the last call of the step.
	Call func(layer int, t []Tensor) error
}

// Taps are those of one context. They outlive it.
type Taps struct {
	c      *C.kakeya_taps
	handle cgo.Handle
	taps   []Tap
	err    error // of the running step
}

// NewTaps makes some; each costs as many stops a step as it has layers, where it is not Cached or the
// computation has no hook for it (see package kernels).
func NewTaps(taps ...Tap) *Taps {
	kernels.HookRows(C.kakeya_taps_wants, C.kakeya_taps_call)
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

// Trip is how the calls of a tap are made without Go: through a lane of a link, by a message that has the layer in some
// places. The tap's tensors, f32, are copied to the buffers before and back after it. Call is called where it fails.
type Trip struct {
	Lane     []byte        // of the link
	Patience time.Duration // how long a call may take, to within a second; then the step ends with ErrOverdue
	Message  []byte
	Layers   int // places of the layer: four bytes, little-endian, from LayerAt on, LayerStep from one to the next

	LayerAt, LayerStep int

	Buffers [][]byte // one a name, of equal length, not of Go's memory
}

// Route says how the calls of the tap of a name are made in steps from now on: nil, by Go. The lane and the buffers stay
// the caller's.
func (t *Taps) Route(name string, trip *Trip) {
	for i, tap := range t.taps {
		if tap.Names[0] != name {
			continue
		}
		c := &t.c.taps[i]
		if trip == nil {
			c.trip.lane = nil
			return
		}
		c.trip.lane = (*C.uint32_t)(unsafe.Pointer(unsafe.SliceData(trip.Lane)))
		c.trip.patience = C.double(trip.Patience.Seconds())
		C.kakeya_trip_set(&c.trip, unsafe.Pointer(unsafe.SliceData(trip.Message)), C.uint32_t(len(trip.Message)),
			C.uint32_t(trip.Layers), C.uint32_t(trip.LayerAt), C.uint32_t(trip.LayerStep))
		for n, b := range trip.Buffers {
			c.buffers[n], c.bytes = unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b))
		}
	}
}

// Calls is how many calls the tap of a name had in the last step, and how many of them were made without Go.
func (t *Taps) Calls(name string) (calls, trips int) {
	for i, tap := range t.taps {
		if tap.Names[0] == name {
			return int(t.c.taps[i].calls), int(t.c.taps[i].trips)
		}
	}
	return 0, 0
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

// begin is called before a step is computed, of which there is one at a time in a process.
func (t *Taps) begin() {
	t.err = nil
	C.kakeya_taps_begin(t.c)
}

// end is called after it, and returns the error of a call.
func (t *Taps) end() error {
	C.kakeya_taps_end()
	return t.err
}

//export kakeyaTap
func kakeyaTap(handle C.uintptr_t, index, layer C.int, tensors **C.struct_ggml_tensor) C.bool {
	t := cgo.Handle(handle).Value().(*Taps)
	tap := &t.taps[index]
	if tensors == nil {
		t.err = ErrOverdue
		return false
	}
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
