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

// Shape is the kind and the dimensions of a program's input. Donated ones are used up: the last outputs are theirs, in their order, and lie
// in the same memory.
type Shape struct {
	Kind    dtypes.DType
	Dims    []int
	Donated bool
}

// Size is how many numbers it has.
func (s Shape) Size() int {
	n := 1
	for _, d := range s.Dims {
		n *= d
	}
	return n
}

// Bytes is how many bytes they take.
func (s Shape) Bytes() int64 { return int64(s.bytes()) }

func (s Shape) bytes() int { return s.Size() * s.Kind.Size() }

var xlaKinds = map[dtypes.DType]xladtypes.DType{
	dtypes.Float32: xladtypes.Float32, dtypes.Float16: xladtypes.Float16, dtypes.BFloat16: xladtypes.BFloat16,
	dtypes.Int8: xladtypes.Int8, dtypes.Int16: xladtypes.Int16, dtypes.Int32: xladtypes.Int32,
}

// Array is memory of the host that programs see, zero at first: as it is, where the device shares memory with the host, else
// as a copy. The owner frees it when no program uses it.
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
	a := &Array{shape: Shape{Kind: kind, Dims: dims}, device: d}
	if d.client == nil {
		b, flat, err := d.backend.NewSharedBuffer(0, shapes.Make(kind, dims...))
		if err != nil {
			return nil, fmt.Errorf("%d bytes: %w: %w", a.shape.bytes(), base.ErrOutOfMemory, err)
		}
		a.own, a.memory = b, start(flat)
		clear(a.Bytes())
		return a, nil
	}
	if a.memory = pjrt.AlignedAlloc(uintptr(max(a.shape.bytes(), 1)), pjrt.BufferAlignment); a.memory == nil {
		return nil, fmt.Errorf("%d bytes: %w", a.shape.bytes(), base.ErrOutOfMemory)
	}
	clear(a.Bytes())
	return a, nil
}

// start is where a slice of any kind begins.
func start(slice any) unsafe.Pointer { return reflect.ValueOf(slice).UnsafePointer() }

// Bytes are its numbers as bytes.
func (a *Array) Bytes() []byte { return unsafe.Slice((*byte)(a.memory), a.shape.bytes()) }

// Size is how many bytes the array takes.
func (a *Array) Size() int64 { return int64(a.shape.bytes()) }

// Floats are its numbers, which are 32-bit ones.
func (a *Array) Floats() []float32 { return numbers[float32](a) }

// Bits are its numbers, which are 16-bit ones.
func (a *Array) Bits() []uint16 { return numbers[uint16](a) }

// Int32s are its numbers, which are integers of 32 bits.
func (a *Array) Int32s() []int32 { return numbers[int32](a) }

// Ints are its numbers, which are 8-bit ones.
func (a *Array) Ints() []int8 { return numbers[int8](a) }

func numbers[T any](a *Array) []T {
	var t T
	if uintptr(a.shape.Kind.Size()) != unsafe.Sizeof(t) || a.memory == nil {
		panic(fmt.Sprintf("an array of %s at %p is read as %T", a.shape.Kind, a.memory, t))
	}
	return unsafe.Slice((*T)(a.memory), a.shape.Size())
}

// View is the beginning of the array in other dimensions, as an input of the programs that run next. It is the array's, and
// as good as what it was made of: where memory is shared, programs see what the host writes later too, elsewhere the
// next call of View does, and ends the one before of the same dimensions. In pure Go there is only one view, of all of it.
func (a *Array) View(dims ...int) (Buffer, error) {
	if a.device.client == nil {
		if !slices.Equal(dims, a.shape.Dims) {
			return nil, fmt.Errorf("view %v of an array %v: %w", dims, a.shape.Dims, base.ErrInvalid)
		}
		return a.own, nil
	}
	at := slices.IndexFunc(a.views, func(v view) bool { return slices.Equal(v.dims, dims) })
	if at >= 0 && a.device.shares {
		return a.views[at].buffer, nil
	}
	b, err := a.buffer(dims)
	if err != nil {
		return nil, fmt.Errorf("view %v: %w", dims, err)
	}
	if at >= 0 {
		_ = a.device.backend.BufferFinalize(a.views[at].buffer) // only the copy goes
		a.views[at].buffer = b
		return b, nil
	}
	a.views = append(a.views, view{slices.Clone(dims), b})
	return b, nil
}

func (a *Array) buffer(dims []int) (*pjrt.Buffer, error) {
	kind := xlaKinds[a.shape.Kind]
	if a.device.shares {
		return a.device.client.CreateViewOfDeviceBuffer(a.memory, kind, dims)
	}
	bytes := Shape{Kind: a.shape.Kind, Dims: dims}.bytes()
	return a.device.client.BufferFromHost().FromRawData(a.Bytes()[:bytes], kind, dims).Done()
}

// Move makes the array an input of programs that the host changes no more, and gives up the host's copy of it. The caller
// frees the array.
func (a *Array) Move() (Buffer, error) {
	b, err := a.View(a.shape.Dims...)
	if err == nil && a.device.client != nil && !a.device.shares {
		pjrt.AlignedFree(a.memory)
		a.memory = nil
	}
	return b, err
}

// Zeros makes a buffer that is the device's alone, of a device that compiles. The caller frees it, or a program does that it
// is donated to. base.ErrOutOfMemory.
func (d *Device) Zeros(s Shape) (Buffer, error) {
	b, err := d.client.BufferFromHost().FromRawData(make([]byte, s.bytes()), xlaKinds[s.Kind], s.Dims).Done()
	if err != nil {
		return nil, fmt.Errorf("%d bytes: %w: %w", s.bytes(), base.ErrOutOfMemory, err)
	}
	return b, nil
}

// Free gives a buffer back that is no array's.
func (d *Device) Free(b Buffer) { _ = d.backend.BufferFinalize(b) } // it is only freed once

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
