package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func scoreToWire(r ScoreRequest) *backendpb.ScoreRequest {
	return &backendpb.ScoreRequest{
		Model:       string(r.Model),
		Tokens:      r.Tokens,
		From:        int64(r.From),
		TopLogprobs: int64(r.TopLogprobs),
	}
}

func scoreFromWire(m *backendpb.ScoreRequest) ScoreRequest {
	return ScoreRequest{
		Model:       ModelID(m.GetModel()),
		Tokens:      m.GetTokens(),
		From:        int(m.GetFrom()),
		TopLogprobs: int(m.GetTopLogprobs()),
	}
}

// scoreDistributions is Score for a request with Distribution.
func (c *client) scoreDistributions(ctx context.Context, req ScoreRequest) (ScoreResult, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call when Distribution fails
	stream, err := c.rpc.ScoreDistributions(ctx, &backendpb.ScoreDistributionsRequest{Score: scoreToWire(req)})
	if err != nil {
		return ScoreResult{}, errorMap.Decode(ctx, err)
	}
	var result *backendpb.ScoreResponse
	var levels Levels
	told := 0
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ScoreResult{}, errorMap.Decode(ctx, err)
		}
		if m.GetResult() != nil {
			result = m.GetResult()
			continue
		}
		levels = levelsFromWire(levels, m.GetLevels())
		if err := req.Distribution(levels); err != nil {
			return ScoreResult{}, err
		}
		told++
	}
	if result == nil || told != len(result.GetTokens()) {
		return ScoreResult{}, fmt.Errorf("%w: %d distributions of %d tokens", base.ErrLied, told, len(result.GetTokens()))
	}
	return ScoreResult{Tokens: logprobsFromWire(result.GetTokens())}, nil
}

func (s *server) ScoreDistributions(m *backendpb.ScoreDistributionsRequest, stream grpc.ServerStreamingServer[backendpb.ScoreDistributionsResponse]) (err error) {
	defer s.guard.Call("ScoreDistributions", &err)
	req := scoreFromWire(m.GetScore())
	req.Distribution = func(l Levels) error {
		// gRPC keeps the message until it has been sent.
		return sent(stream.Context(), stream.Send(&backendpb.ScoreDistributionsResponse{Levels: levelsToWire(l)}))
	}
	result, err := s.impl.Score(stream.Context(), req)
	if err != nil {
		return err
	}
	return stream.Send(&backendpb.ScoreDistributionsResponse{Result: &backendpb.ScoreResponse{Tokens: logprobsToWire(result.Tokens)}})
}

func levelsToWire(l Levels) []byte {
	b := make([]byte, 2*len(l))
	for i, v := range l {
		binary.LittleEndian.PutUint16(b[2*i:], v)
	}
	return b
}

// levelsFromWire uses dst again if it is large enough.
func levelsFromWire(dst Levels, b []byte) Levels {
	if cap(dst) < len(b)/2 {
		dst = make(Levels, len(b)/2)
	}
	dst = dst[:len(b)/2]
	for i := range dst {
		dst[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return dst
}
