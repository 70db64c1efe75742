package device

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"github.com/gomlx/go-xla/pkg/pjrt"
	xladtypes "github.com/gomlx/go-xla/pkg/types/dtypes"
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Buffer is what a program reads: an array in a shape, or what another program computed.
type Buffer = backends.Buffer

// Shape is the kind and the dimensions of a program's input.
type Shape struct {
	Kind dtypes.DType
	Dims []int
}

// Size is how many numbers it has.
func (s Shape) Size() int {
	n := 1
	for _, d := range s.Dims {
		n *= d
	}
	return n
}

func (s Shape) bytes() int { return s.Size() * s.Kind.Size() }

var xlaKinds = map[dtypes.DType]xladtypes.DType{
	dtypes.Float32: xladtypes.Float32, dtypes.Float16: xladtypes.Float16, dtypes.BFloat16: xladtypes.BFloat16, dtypes.Int8: xladtypes.Int8,
}

// Array is memory that both the host and programs see, zero at first. What the host writes is seen by the programs that
// run after it. The owner frees it when no program uses it.
type Array struct {
	shape  Shape
	device *Device
	memory unsafe.Pointer
	own    backends.Buffer // in pure Go: the whole of it
	views  []view
}

type view struct {
	dims   []int
	buffer backends.Buffer
}

// NewArray allocates numbers. base.ErrOutOfMemory.
func (d *Device) NewArray(kind dtypes.DType, dims ...int) (*Array, error) {
	a := &Array{shape: Shape{kind, dims}, device: d}
	if d.client == nil {
		b, flat, err := d.backend.NewSharedBuffer(0, shapes.Make(kind, dims...))
		if err != nil {
			return nil, fmt.Errorf("%d bytes: %w: %w", a.shape.bytes(), base.ErrOutOfMemory, err)
		}
		a.own, a.memory = b, start(flat)
		clear(a.bytes())
		return a, nil
	}
	if a.memory = pjrt.AlignedAlloc(uintptr(max(a.shape.bytes(), 1)), pjrt.BufferAlignment); a.memory == nil {
		return nil, fmt.Errorf("%d bytes: %w", a.shape.bytes(), base.ErrOutOfMemory)
	}
	clear(a.bytes())
	return a, nil
}

// start is where a slice of any kind begins.
func start(slice any) unsafe.Pointer { return reflect.ValueOf(slice).UnsafePointer() }

func (a *Array) bytes() []byte { return unsafe.Slice((*byte)(a.memory), a.shape.bytes()) }

// Size is how many bytes the array takes.
func (a *Array) Size() int64 { return int64(a.shape.bytes()) }

// Floats are its numbers, which are 32-bit ones.
func (a *Array) Floats() []float32 { return numbers[float32](a) }

// Bits are its numbers, which are 16-bit ones.
func (a *Array) Bits() []uint16 { return numbers[uint16](a) }

// Ints are its numbers, which are 8-bit ones.
func (a *Array) Ints() []int8 { return numbers[int8](a) }

func numbers[T any](a *Array) []T {
	var t T
	if uintptr(a.shape.Kind.Size()) != unsafe.Sizeof(t) {
		panic(fmt.Sprintf("an array of %s is read as %T", a.shape.Kind, t))
	}
	return unsafe.Slice((*T)(a.memory), a.shape.Size())
}

// View is the beginning of the array in other dimensions. It is the array's, and made once. In pure Go there is only one
// view, of all of it.
func (a *Array) View(dims ...int) (Buffer, error) {
	if a.device.client == nil {
		if !slices.Equal(dims, a.shape.Dims) {
			return nil, fmt.Errorf("view %v of an array %v: %w", dims, a.shape.Dims, base.ErrInvalid)
		}
		return a.own, nil
	}
	for _, v := range a.views {
		if slices.Equal(v.dims, dims) {
			return v.buffer, nil
		}
	}
	b, err := a.device.client.CreateViewOfDeviceBuffer(a.memory, xlaKinds[a.shape.Kind], dims)
	if err != nil {
		return nil, fmt.Errorf("view %v: %w", dims, err)
	}
	a.views = append(a.views, view{slices.Clone(dims), b})
	return b, nil
}

// Free gives the memory back.
func (a *Array) Free() {
	for _, v := range a.views {
		_ = a.device.backend.BufferFinalize(v.buffer) // only the view goes
	}
	a.views = nil
	switch {
	case a.own != nil:
		_ = a.device.backend.BufferFinalize(a.own)
		a.own = nil
	case a.memory != nil:
		pjrt.AlignedFree(a.memory)
	}
	a.memory = nil
}
