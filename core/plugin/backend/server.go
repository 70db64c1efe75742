package backend

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Register serves impl on s. A panic in one of its methods becomes an error of that call, see
// [base.Guard].
func Register(s grpc.ServiceRegistrar, impl Backend, log *slog.Logger) {
	guard := base.Guard{Errors: errorMap, Log: log}
	base.Register(s, impl, guard)
	backendpb.RegisterBackendServiceServer(s, &server{impl: impl, guard: guard})
}

type server struct {
	backendpb.UnimplementedBackendServiceServer
	impl  Backend
	guard base.Guard
}

func (s *server) LoadModel(m *backendpb.LoadModelRequest, stream grpc.ServerStreamingServer[backendpb.LoadModelResponse]) (err error) {
	defer s.guard.Call("LoadModel", &err)
	info, err := s.impl.LoadModel(stream.Context(), loadRequestFromWire(m), func(p LoadProgress) {
		// A host that is gone has cancelled the context too: no need to look at the error.
		_ = stream.Send(&backendpb.LoadModelResponse{Event: &backendpb.LoadModelResponse_Progress{
			Progress: &backendpb.LoadProgress{Stage: p.Stage, Fraction: p.Fraction},
		}})
	})
	if err != nil {
		return err
	}
	return stream.Send(&backendpb.LoadModelResponse{Event: &backendpb.LoadModelResponse_Info{Info: modelInfoToWire(info)}})
}

func (s *server) Redraft(ctx context.Context, m *backendpb.RedraftRequest) (_ *backendpb.RedraftResponse, err error) {
	defer s.guard.Call("Redraft", &err)
	redrafter, ok := s.impl.(Redrafter)
	if !ok {
		return nil, fmt.Errorf("%w: this backend takes a drafter when a model is loaded only", base.ErrUnsupported)
	}
	drafter := linkFromWire(m.GetDrafter())
	if drafter == nil {
		return nil, fmt.Errorf("drafter: %w: there is none", base.ErrInvalid)
	}
	if err := redrafter.Redraft(ctx, ModelID(m.GetModel()), *drafter); err != nil {
		return nil, err
	}
	return &backendpb.RedraftResponse{}, nil
}

func (s *server) UnloadModel(ctx context.Context, m *backendpb.UnloadModelRequest) (_ *backendpb.UnloadModelResponse, err error) {
	defer s.guard.Call("UnloadModel", &err)
	if err := s.impl.UnloadModel(ctx, ModelID(m.GetId())); err != nil {
		return nil, err
	}
	return &backendpb.UnloadModelResponse{}, nil
}

func (s *server) Tokenize(ctx context.Context, m *backendpb.TokenizeRequest) (_ *backendpb.TokenizeResponse, err error) {
	defer s.guard.Call("Tokenize", &err)
	tokens, err := s.impl.Tokenize(ctx, TokenizeRequest{
		Model:        ModelID(m.GetModel()),
		Text:         m.GetText(),
		AddSpecial:   m.GetAddSpecial(),
		ParseSpecial: m.GetParseSpecial(),
	})
	if err != nil {
		return nil, err
	}
	return &backendpb.TokenizeResponse{Tokens: tokens}, nil
}

func (s *server) Detokenize(ctx context.Context, m *backendpb.DetokenizeRequest) (_ *backendpb.DetokenizeResponse, err error) {
	defer s.guard.Call("Detokenize", &err)
	text, err := s.impl.Detokenize(ctx, ModelID(m.GetModel()), m.GetTokens())
	if err != nil {
		return nil, err
	}
	return &backendpb.DetokenizeResponse{Text: text}, nil
}

func (s *server) Generate(m *backendpb.GenerateRequest, stream grpc.ServerStreamingServer[backendpb.GenerateResponse]) (err error) {
	defer s.guard.Call("Generate", &err)
	return s.impl.Generate(stream.Context(), generateFromWire(m), func(e Event) error {
		return sent(stream.Context(), stream.Send(eventToWire(e)))
	})
}

// sent is the error of a message's sending: the context's own where that has ended, as implementations know it.
func sent(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *server) Embed(ctx context.Context, m *backendpb.EmbedRequest) (_ *backendpb.EmbedResponse, err error) {
	defer s.guard.Call("Embed", &err)
	result, err := s.impl.Embed(ctx, EmbedRequest{
		Model:     ModelID(m.GetModel()),
		Inputs:    promptsFromWire(m.GetInputs()),
		Normalize: m.GetNormalize(),
	})
	if err != nil {
		return nil, err
	}
	out := &backendpb.EmbedResponse{PromptTokens: int64(result.PromptTokens)}
	for _, v := range result.Vectors {
		out.Vectors = append(out.Vectors, &backendpb.Vector{Values: v})
	}
	return out, nil
}

func (s *server) Score(ctx context.Context, m *backendpb.ScoreRequest) (_ *backendpb.ScoreResponse, err error) {
	defer s.guard.Call("Score", &err)
	result, err := s.impl.Score(ctx, scoreFromWire(m))
	if err != nil {
		return nil, err
	}
	return &backendpb.ScoreResponse{Tokens: logprobsToWire(result.Tokens)}, nil
}

func (s *server) Stats(ctx context.Context, m *backendpb.StatsRequest) (_ *backendpb.StatsResponse, err error) {
	defer s.guard.Call("Stats", &err)
	stats, err := s.impl.Stats(ctx, ModelID(m.GetModel()))
	if err != nil {
		return nil, err
	}
	return statsToWire(stats), nil
}
