package codec

import (
	"context"
	"errors"

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

	contract.Gate
}

// Describe implements the contract.
func (s *stream) Describe() contract.Description { return s.description }

// RoundTrip implements the contract.
func (s *stream) RoundTrip(ctx context.Context, v ...contract.Vectors) error {
	end, err := s.Enter()
	if err != nil {
		return err
	}
	defer end()
	if err := s.shape.Check(v...); err != nil {
		return err
	}
	return s.over(ctx, v, len(v), func(i int) error { return s.named(v, i, s.packer.RoundTrip(s.tensor(v[i]))) })
}

// Encode implements the contract.
func (s *stream) Encode(ctx context.Context, dst []byte, v ...contract.Vectors) ([]byte, error) {
	end, err := s.Enter()
	if err != nil {
		return dst, err
	}
	defer end()
	if err := s.shape.Check(v...); err != nil {
		return dst, err
	}
	groups := s.groups(v)
	payloads := make([][]byte, len(groups))
	err = s.over(ctx, v, len(groups), func(i int) (err error) {
		g := groups[i]
		payloads[i], err = s.packer.AppendPayload(nil, s.tensors(v[g.first:g.first+g.n])...)
		return s.named(v, g.first, err)
	})
	if err != nil {
		return dst, err
	}
	return s.seal(dst, v, payloads), nil
}

// Decode implements the contract.
func (s *stream) Decode(ctx context.Context, packed []byte, v ...contract.Vectors) error {
	end, err := s.Enter()
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
	groups := s.groups(v)
	return s.over(ctx, v, len(groups), func(i int) error {
		g := groups[i]
		return s.packer.DecodePayload(coding, payloads[i], s.tensors(v[g.first:g.first+g.n])...)
	})
}

// group is n Vectors, from the first one on, that have one payload.
type group struct{ first, n int }

// groups follow from nothing but the shape of v.
func (s *stream) groups(v []contract.Vectors) (all []group) {
	tokens := make([]int, len(v))
	for i := range v {
		tokens[i] = v[i].Tokens
	}
	for first := 0; first < len(v); {
		n := s.packer.Join(tokens[first:])
		all = append(all, group{first, n})
		first += n
	}
	return all
}

// grain is about how many vectors of head_dim elements are worth a goroutine.
const grain = 128

// over calls work for each of n parts of v, the many at once, the few one after another. When the
// context ends it waits for what has begun.
func (s *stream) over(ctx context.Context, v []contract.Vectors, n int, work func(i int) error) error {
	tokens := 0
	for i := range v {
		tokens += v[i].Tokens
	}
	each := max(1, grain*n/(tokens*s.shape.KVHeads))
	return spread.Over(n, each, func(lo, hi int) error {
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

func (s *stream) tensors(v []contract.Vectors) []frame.Tensor {
	t := make([]frame.Tensor, len(v))
	for i := range v {
		t[i] = s.tensor(v[i])
	}
	return t
}

// named makes the contract's error of a vector that is not finite, which is counted from v[first] on.
func (s *stream) named(v []contract.Vectors, first int, err error) error {
	var at *lattice.VectorError
	if !errors.Is(err, lattice.ErrNonFinite) || !errors.As(err, &at) {
		return err
	}
	n := at.Vector
	for n >= v[first].Tokens*s.shape.KVHeads {
		n -= v[first].Tokens * s.shape.KVHeads
		first++
	}
	return &contract.NonFiniteError{Vectors: first, Token: n / s.shape.KVHeads, Head: n % s.shape.KVHeads}
}
