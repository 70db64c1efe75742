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

// Proxy is a backend in another process. What it does not announce is ErrUnsupported.
type Proxy interface {
	Backend
	Pager
	Redrafter
}

// NewClient is the host's proxy of a backend: every method is one call over conn. The connection
// stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) Proxy {
	return &client{Client: base.NewClient(conn, errorMap), rpc: backendpb.NewBackendServiceClient(conn)}
}

type client struct {
	*base.Client
	rpc backendpb.BackendServiceClient
}

func (c *client) LoadModel(ctx context.Context, req LoadRequest, progress func(LoadProgress)) (ModelInfo, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.LoadModel(ctx, loadRequestToWire(req))
	if err != nil {
		return ModelInfo{}, errorMap.Decode(ctx, err)
	}
	var info *backendpb.ModelInfo
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ModelInfo{}, errorMap.Decode(ctx, err)
		}
		if p := m.GetProgress(); p != nil && progress != nil {
			progress(LoadProgress{Stage: p.GetStage(), Fraction: p.GetFraction()})
		}
		if i := m.GetInfo(); i != nil {
			info = i
		}
	}
	if info == nil {
		return ModelInfo{}, fmt.Errorf("%w: a loaded model has no description", base.ErrLied)
	}
	return modelInfoFromWire(info), nil
}

func (c *client) Redraft(ctx context.Context, id ModelID, drafter Link) error {
	_, err := c.rpc.Redraft(ctx, &backendpb.RedraftRequest{Model: string(id), Drafter: linkToWire(&drafter)})
	return errorMap.Decode(ctx, err)
}

func (c *client) UnloadModel(ctx context.Context, id ModelID) error {
	_, err := c.rpc.UnloadModel(ctx, &backendpb.UnloadModelRequest{Id: string(id)})
	return errorMap.Decode(ctx, err)
}

func (c *client) Tokenize(ctx context.Context, req TokenizeRequest) ([]Token, error) {
	if err := checkText("text", req.Text); err != nil {
		return nil, err
	}
	m, err := c.rpc.Tokenize(ctx, &backendpb.TokenizeRequest{
		Model:        string(req.Model),
		Text:         req.Text,
		AddSpecial:   req.AddSpecial,
		ParseSpecial: req.ParseSpecial,
	})
	if err != nil {
		return nil, errorMap.Decode(ctx, err)
	}
	return m.GetTokens(), nil
}

func (c *client) Detokenize(ctx context.Context, id ModelID, tokens []Token) ([]byte, error) {
	m, err := c.rpc.Detokenize(ctx, &backendpb.DetokenizeRequest{Model: string(id), Tokens: tokens})
	if err != nil {
		return nil, errorMap.Decode(ctx, err)
	}
	return m.GetText(), nil
}

func (c *client) Generate(ctx context.Context, req GenerateRequest, emit func(Event) error) error {
	if err := checkGenerateText(req); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call when emit fails
	stream, err := c.rpc.Generate(ctx, generateToWire(req))
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	final := false
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errorMap.Decode(ctx, err)
		}
		if err := ctx.Err(); err != nil {
			return err // events that were under way are not emitted after a cancel
		}
		final = final || m.GetFinal() != nil
		if err := emit(eventFromWire(m)); err != nil {
			return err
		}
	}
	if !final {
		return fmt.Errorf("%w: an answer has no final event", base.ErrLied)
	}
	return nil
}

func (c *client) Embed(ctx context.Context, req EmbedRequest) (EmbedResult, error) {
	for i, p := range req.Inputs {
		if err := checkText(fmt.Sprintf("inputs[%d]", i), p.Text); err != nil {
			return EmbedResult{}, err
		}
	}
	m, err := c.rpc.Embed(ctx, &backendpb.EmbedRequest{
		Model:     string(req.Model),
		Inputs:    promptsToWire(req.Inputs),
		Normalize: req.Normalize,
	})
	if err != nil {
		return EmbedResult{}, errorMap.Decode(ctx, err)
	}
	vectors := make([][]float32, len(m.GetVectors()))
	for i, v := range m.GetVectors() {
		vectors[i] = v.GetValues()
	}
	return EmbedResult{Vectors: vectors, PromptTokens: int(m.GetPromptTokens())}, nil
}

func (c *client) Score(ctx context.Context, req ScoreRequest) (ScoreResult, error) {
	if req.Distribution != nil {
		return c.scoreDistributions(ctx, req)
	}
	m, err := c.rpc.Score(ctx, scoreToWire(req))
	if err != nil {
		return ScoreResult{}, errorMap.Decode(ctx, err)
	}
	return ScoreResult{Tokens: logprobsFromWire(m.GetTokens())}, nil
}

func (c *client) Stats(ctx context.Context, id ModelID) (Stats, error) {
	m, err := c.rpc.Stats(ctx, &backendpb.StatsRequest{Model: string(id)})
	if err != nil {
		return Stats{}, errorMap.Decode(ctx, err)
	}
	return statsFromWire(m), nil
}
