package backend

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// pager is the implementation's, if it is one.
func (s *server) pager() (Pager, error) {
	if p, ok := s.impl.(Pager); ok {
		return p, nil
	}
	return nil, fmt.Errorf("%w: this backend does not park", base.ErrUnsupported)
}

func (s *server) ExportPages(stream grpc.BidiStreamingServer[backendpb.ExportPagesRequest, backendpb.ExportPagesResponse]) (err error) {
	defer s.guard.Call("ExportPages", &err)
	pager, err := s.pager()
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	opened := func() { _ = stream.Send(&backendpb.ExportPagesResponse{Open: true}) } // else the call has ended, and so has its context
	return pager.ExportPages(stream.Context(), ModelID(first.GetModel()), opened, func(p Page) error {
		if err := stream.Send(pageToWire(p)); err != nil {
			return err
		}
		_, err := stream.Recv()
		return err
	})
}

func (s *server) ParkModel(ctx context.Context, m *backendpb.ParkModelRequest) (_ *backendpb.ParkModelResponse, err error) {
	defer s.guard.Call("ParkModel", &err)
	pager, err := s.pager()
	if err != nil {
		return nil, err
	}
	if err := pager.ParkModel(ctx, ModelID(m.GetModel())); err != nil {
		return nil, err
	}
	return &backendpb.ParkModelResponse{}, nil
}

// errNoPage is what an import ends with when the host could not bring a page. The host knows why.
var errNoPage = errors.New("the host could not bring the page")

func (s *server) ImportPages(stream grpc.BidiStreamingServer[backendpb.ImportPagesRequest, backendpb.ImportPagesResponse]) (err error) {
	defer s.guard.Call("ImportPages", &err)
	pager, err := s.pager()
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	result, err := pager.ImportPages(stream.Context(), importFromWire(first.GetBegin()), func(i int) ([]byte, error) {
		want := &backendpb.ImportPagesResponse_Want{Want: int64(i)}
		if err := stream.Send(&backendpb.ImportPagesResponse{Step: want}); err != nil {
			return nil, err
		}
		m, err := stream.Recv()
		switch {
		case err != nil:
			return nil, err
		case m.GetPage().GetFailed():
			return nil, errNoPage
		}
		return m.GetPage().GetData(), nil
	})
	done := &backendpb.ImportPagesResponse_Result{Result: importResultToWire(result)}
	if sent := stream.Send(&backendpb.ImportPagesResponse{Step: done}); sent != nil && err == nil {
		return sent
	}
	return err
}
