package codec

import (
	"context"
	"errors"
	"sync"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/e8codec/spread"
)

// stream is an open one.
type stream struct {
	shape       contract.Shape
	packer      *frame.Codec
	description contract.Description

	use    sync.RWMutex // held for reading by calls, for writing by Close
	closed bool
}

// Describe implements the contract.
func (s *stream) Describe() contract.Description { return s.description }

// begin lets a call in. The caller ends it.
func (s *stream) begin() (end func(), err error) {
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return nil, contract.ErrClosed
	}
	return s.use.RUnlock, nil
}

// Close implements the contract.
func (s *stream) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	s.closed = true
	return nil
}

// RoundTrip implements the contract.
func (s *stream) RoundTrip(ctx context.Context, v ...contract.Vectors) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	if err := s.shape.Check(v...); err != nil {
		return err
	}
	return s.over(ctx, v, func(i int) error { return s.named(i, s.packer.RoundTrip(s.tensor(v[i]))) })
}

// Encode implements the contract.
func (s *stream) Encode(ctx context.Context, dst []byte, v ...contract.Vectors) ([]byte, error) {
	end, err := s.begin()
	if err != nil {
		return dst, err
	}
	defer end()
	if err := s.shape.Check(v...); err != nil {
		return dst, err
	}
	payloads := make([][]byte, len(v))
	err = s.over(ctx, v, func(i int) (err error) {
		payloads[i], err = s.packer.AppendPayload(nil, s.tensor(v[i]))
		return s.named(i, err)
	})
	if err != nil {
		return dst, err
	}
	return s.seal(dst, v, payloads), nil
}

// Decode implements the contract.
func (s *stream) Decode(ctx context.Context, packed []byte, v ...contract.Vectors) error {
	end, err := s.begin()
	if err != nil {
		return err
	}
	defer end()
	if err := s.shape.Check(v...); err != nil {
		return err
	}
	coding, payloads, err := s.unseal(packed, v)
	if err != nil {
		return err
	}
	return s.over(ctx, v, func(i int) error {
		return s.packer.DecodePayload(s.tensor(v[i]), coding, payloads[i])
	})
}

// grain is about how many vectors of head_dim elements are worth a goroutine.
const grain = 128

// over calls work for each of the Vectors, the many at once, the few one after another. When the
// context ends it waits for what has begun.
func (s *stream) over(ctx context.Context, v []contract.Vectors, work func(i int) error) error {
	tokens := 0
	for i := range v {
		tokens += v[i].Tokens
	}
	each := max(1, grain*len(v)/(tokens*s.shape.KVHeads))
	return spread.Over(len(v), each, func(lo, hi int) error {
		for i := lo; i < hi; i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := work(i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *stream) tensor(v contract.Vectors) frame.Tensor {
	return frame.Tensor{DType: frame.DType(s.shape.Type), Data: v.Data}
}

// named makes the contract's error of a vector that is not finite; i is which of the call's Vectors.
func (s *stream) named(i int, err error) error {
	var at *lattice.VectorError
	if !errors.Is(err, lattice.ErrNonFinite) || !errors.As(err, &at) {
		return err
	}
	return &contract.NonFiniteError{Vectors: i, Token: at.Vector / s.shape.KVHeads, Head: at.Vector % s.shape.KVHeads}
}
