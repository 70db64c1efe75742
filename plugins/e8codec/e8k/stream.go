package e8k

import (
	"context"
	"sync"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// stream is an open one.
type stream struct {
	shape       contract.Shape
	coder       *calibrated.Coder
	description contract.Description

	use    sync.RWMutex // held for reading by calls, for writing by Close
	closed bool
}

// Describe implements the contract.
func (s *stream) Describe() contract.Description { return s.description }

// begin lets a call in. The caller ends it.
func (s *stream) begin(v []contract.Vectors) (end func(), err error) {
	s.use.RLock()
	if s.closed {
		err = contract.ErrClosed
	} else {
		err = s.shape.Check(v...)
	}
	if err != nil {
		s.use.RUnlock()
		return nil, err
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
