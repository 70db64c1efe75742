package e8k

import (
	"context"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// stream is an open one.
type stream struct {
	shape       contract.Shape
	coder       *calibrated.Coder
	description contract.Description

	contract.Gate
}

// Describe implements the contract.
func (s *stream) Describe() contract.Description { return s.description }

// begin lets a call on v in. The caller ends it.
func (s *stream) begin(v []contract.Vectors) (end func(), err error) {
	end, err = s.Enter()
	if err != nil {
		return nil, err
	}
	if err := s.shape.Check(v...); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// RoundTrip implements the contract.
func (s *stream) RoundTrip(ctx context.Context, v ...contract.Vectors) error {
	end, err := s.begin(v)
	if err != nil {
		return err
	}
	defer end()
	return s.coder.RoundTrip(ctx, v...)
}

// Encode implements the contract.
func (s *stream) Encode(ctx context.Context, dst []byte, v ...contract.Vectors) ([]byte, error) {
	end, err := s.begin(v)
	if err != nil {
		return dst, err
	}
	defer end()
	return s.coder.Encode(ctx, dst, v...)
}

// Decode implements the contract.
func (s *stream) Decode(ctx context.Context, frame []byte, v ...contract.Vectors) error {
	end, err := s.begin(v)
	if err != nil {
		return err
	}
	defer end()
	return s.coder.Decode(ctx, frame, v...)
}
