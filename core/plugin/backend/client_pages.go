package backend

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func (c *client) ExportPages(ctx context.Context, id ModelID, opened func(), emit func(Page) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call when emit fails
	stream, err := c.rpc.ExportPages(ctx)
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	if err := send(stream, &backendpb.ExportPagesRequest{Model: string(id)}); err != nil {
		return errorMap.Decode(ctx, err)
	}
	for open := false; ; {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: the export of pages ended without a reason", base.ErrLied)
		}
		if err != nil {
			return errorMap.Decode(ctx, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.GetOpen() == open {
			return fmt.Errorf("export pages of %q: %w: it says once that it is open, before the first page", id, base.ErrCorrupt)
		}
		if !open {
			open = true
			opened()
			continue
		}
		if err := emit(pageFromWire(m)); err != nil {
			return err
		}
		if err := send(stream, &backendpb.ExportPagesRequest{}); err != nil {
			return errorMap.Decode(ctx, err)
		}
	}
}

// send sends one message. That the call has ended is not its error but that of the next Recv.
func send[Req, Res any](stream grpc.BidiStreamingClient[Req, Res], m *Req) error {
	if err := stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (c *client) ParkModel(ctx context.Context, id ModelID) error {
	_, err := c.rpc.ParkModel(ctx, &backendpb.ParkModelRequest{Model: string(id)})
	return errorMap.Decode(ctx, err)
}

func (c *client) ImportPages(ctx context.Context, req ImportRequest, page func(i int) ([]byte, error)) (ImportResult, error) {
	if err := checkText("scope", req.Scope); err != nil {
		return ImportResult{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.ImportPages(ctx)
	if err != nil {
		return ImportResult{}, errorMap.Decode(ctx, err)
	}
	begin := &backendpb.ImportPagesRequest_Begin{Begin: importToWire(req)}
	if err := send(stream, &backendpb.ImportPagesRequest{Step: begin}); err != nil {
		return ImportResult{}, errorMap.Decode(ctx, err)
	}
	var result *backendpb.ImportResult
	var failed error // page's
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) || err != nil && failed != nil && result != nil {
			break // the backend repeats that there was no page
		}
		if err != nil {
			return importResultFromWire(result), errorMap.Decode(ctx, err)
		}
		switch step := m.GetStep().(type) {
		case *backendpb.ImportPagesResponse_Result:
			result = step.Result
		case *backendpb.ImportPagesResponse_Want:
			answer := &backendpb.ImportPage{}
			if failed == nil {
				answer.Data, failed = page(int(step.Want))
			}
			if failed != nil {
				answer = &backendpb.ImportPage{Failed: true}
			}
			if err := send(stream, &backendpb.ImportPagesRequest{Step: &backendpb.ImportPagesRequest_Page{Page: answer}}); err != nil {
				return ImportResult{}, errorMap.Decode(ctx, err)
			}
		}
	}
	if result == nil {
		return ImportResult{}, fmt.Errorf("%w: pages were imported without a result", base.ErrLied)
	}
	return importResultFromWire(result), failed
}
