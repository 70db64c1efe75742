package weights

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Kind is how a tensor's numbers are stored; the values are those of ggml_type.
type Kind uint32

// The kinds that can be read.
const (
	F32  Kind = 0
	F16  Kind = 1
	Q4_0 Kind = 2
	Q4_1 Kind = 3
	Q5_0 Kind = 6
	Q5_1 Kind = 7
	Q8_0 Kind = 8
	Q4_K Kind = 12
	Q5_K Kind = 13
	Q6_K Kind = 14
	BF16 Kind = 30
)

// format is one kind's block: so many numbers in so many bytes.
type format struct {
	name    string
	numbers int
	bytes   int
	unpack  func(dst []float32, src []byte) // one block
}

var formats = map[Kind]format{
	F32:  {"F32", 1, 4, unpackF32},
	F16:  {"F16", 1, 2, unpackF16},
	BF16: {"BF16", 1, 2, unpackBF16},
	Q4_0: {"Q4_0", 32, 18, unpackQ4_0},
	Q4_1: {"Q4_1", 32, 20, unpackQ4_1},
	Q5_0: {"Q5_0", 32, 22, unpackQ5_0},
	Q5_1: {"Q5_1", 32, 24, unpackQ5_1},
	Q8_0: {"Q8_0", 32, 34, unpackQ8_0},
	Q4_K: {"Q4_K", 256, 144, unpackQ4_K},
	Q5_K: {"Q5_K", 256, 176, unpackQ5_K},
	Q6_K: {"Q6_K", 256, 210, unpackQ6_K},
}

// String is ggml's name of the kind.
func (k Kind) String() string {
	if f, known := formats[k]; known {
		return f.name
	}
	return fmt.Sprintf("ggml type %d", uint32(k))
}

// Bytes is how many n numbers take. base.ErrUnsupported: the kind is not known; base.ErrInvalid: n is not
// whole blocks.
func (k Kind) Bytes(n int) (int, error) {
	f, known := formats[k]
	switch {
	case !known:
		return 0, fmt.Errorf("numbers of %s: %w (F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are known)", k, base.ErrUnsupported)
	case n < 0 || n%f.numbers != 0:
		return 0, fmt.Errorf("%d numbers of %s, which come in blocks of %d: %w", n, k, f.numbers, base.ErrInvalid)
	}
	return n / f.numbers * f.bytes, nil
}

// Dequantize turns src into len(dst) numbers; its errors are those of Bytes, and base.ErrInvalid when src is not as
// long as dst needs.
func (k Kind) Dequantize(dst []float32, src []byte) error {
	n, err := k.Bytes(len(dst))
	if err != nil {
		return err
	}
	if n != len(src) {
		return fmt.Errorf("%d bytes for %d numbers of %s, which take %d: %w", len(src), len(dst), k, n, base.ErrInvalid)
	}
	f := formats[k]
	for len(dst) > 0 {
		f.unpack(dst[:f.numbers], src[:f.bytes])
		dst, src = dst[f.numbers:], src[f.bytes:]
	}
	return nil
}
