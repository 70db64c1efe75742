package frame

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
)

// DType is the type of a tensor's elements.
type DType uint8

// The element types.
const (
	F32  DType = 1
	F16  DType = 2
	BF16 DType = 3
)

// Size is an element's bytes, 0 for what is no DType.
func (d DType) Size() int {
	switch d {
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	return 0
}

func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case BF16:
		return "bf16"
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// ParseDType reads what String writes.
func ParseDType(s string) (DType, error) {
	for _, d := range []DType{F32, F16, BF16} {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%w: element type %q is none of f32, f16, bf16", fault.ErrInvalid, s)
}

// Tensor is vectors in memory, [tokens, kv_heads, head_dim], in the machine's byte order and with
// no gaps. Data need not be aligned.
type Tensor struct {
	DType DType
	Data  []byte
}

// OfF32 is the tensor that shares x's memory.
func OfF32(x []float32) Tensor { return Tensor{F32, bytesOf(x)} }

// vectors is how many vectors of dim elements the tensor holds, or an error if that is not whole.
func (t Tensor) vectors(dim int) (int, error) {
	size := t.DType.Size() * dim
	if size == 0 {
		return 0, fmt.Errorf("%w: %v", fault.ErrInvalid, t.DType)
	}
	if len(t.Data)%size != 0 {
		return 0, fmt.Errorf("%w: %d bytes are not whole vectors of %d %v", fault.ErrInvalid, len(t.Data), dim, t.DType)
	}
	return len(t.Data) / size, nil
}

// Load reads len(x) elements from element at on. tmp holds as many.
func (t Tensor) Load(x []float32, at int, tmp []uint16) {
	size := t.DType.Size()
	src := t.Data[at*size : (at+len(x))*size]
	if t.DType == F32 {
		copy(bytesOf(x), src)
		return
	}
	tmp = tmp[:len(x)]
	copy(bytesOf(tmp), src)
	if t.DType == F16 {
		half.FromFloat16s(x, tmp)
	} else {
		half.FromBFloat16s(x, tmp)
	}
}

// Store writes x from element at on. Values past the type's range saturate; x is changed.
func (t Tensor) Store(x []float32, at int, tmp []uint16) {
	size := t.DType.Size()
	dst := t.Data[at*size : (at+len(x))*size]
	if t.DType == F32 {
		copy(dst, bytesOf(x))
		return
	}
	tmp = tmp[:len(x)]
	if t.DType == F16 {
		half.ToFloat16s(tmp, x)
		if infinite(tmp, half.ExponentFloat16) {
			saturate(x, half.MaxFloat16)
			half.ToFloat16s(tmp, x)
		}
	} else {
		half.ToBFloat16s(tmp, x)
		if infinite(tmp, half.ExponentBFloat16) {
			saturate(x, half.MaxBFloat16)
			half.ToBFloat16s(tmp, x)
		}
	}
	copy(dst, bytesOf(tmp))
}

// infinite says whether one of the numbers has all bits of its exponent set: it was past the type's range.
func infinite(x []uint16, exponent uint16) bool {
	const each, signs = 0x0001_0001_0001_0001, 0x8000_8000_8000_8000
	bits, carry := uint64(exponent)*each, uint64(exponent&-exponent)*each // with all of them set, one more reaches the sign
	n := len(x) &^ 3
	for i := 0; i < n; i += 4 {
		v := uint64(x[i]) | uint64(x[i+1])<<16 | uint64(x[i+2])<<32 | uint64(x[i+3])<<48
		if (v&bits+carry)&signs != 0 {
			return true
		}
	}
	for _, v := range x[n:] {
		if v&exponent == exponent {
			return true
		}
	}
	return false
}

// saturate brings finite values within ±limit. It leaves alone what Compat makes infinite.
func saturate(x []float32, limit float32) {
	for i, v := range x {
		if (v > limit || v < -limit) && !math.IsInf(float64(v), 0) {
			x[i] = float32(math.Copysign(float64(limit), float64(v)))
		}
	}
}

// bytesOf is the memory of x.
func bytesOf[T uint16 | float32](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}
