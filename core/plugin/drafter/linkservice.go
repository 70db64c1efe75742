package drafter

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// linkService is the far end of a link.
type linkService struct{ *service }

// Register implements [link.Service].
func (s *linkService) Register(r grpc.ServiceRegistrar) { s.register(r) }

// Close implements [link.Service].
func (s *linkService) Close() { s.end() }

// Call implements [link.Service].
func (s *linkService) Call(ctx context.Context, memory, request, reply []byte) []byte {
	answer, err := s.call(ctx, memory, request, append(reply, link.AnswerOK))
	if err != nil {
		return link.AppendError(reply, err)
	}
	return answer
}

func (s *linkService) call(ctx context.Context, memory, request, answer []byte) (_ []byte, err error) {
	defer s.guard.Call("link", &err)
	var m message
	if err := m.parse(request); err != nil {
		return nil, err
	}
	switch m.op {
	case opOpen:
		session, err := s.open(ctx, m.id, m.open)
		if err != nil {
			return nil, err
		}
		return binary.LittleEndian.AppendUint64(answer, session), nil
	case opClose:
		return answer, s.close(m.id)
	}
	ids, turns := make([]uint64, len(m.turns)), make([]Turn, len(m.turns))
	for i := range m.turns {
		ids[i] = m.turns[i].session
		if turns[i], err = m.turns[i].in(memory); err != nil {
			return nil, err
		}
	}
	if err := s.round(ctx, m.id, ids, turns); err != nil {
		return nil, err
	}
	for i := range turns {
		answer = appendTurn(answer, &turns[i])
	}
	if len(answer) > link.MaxMessage {
		return nil, lied("the drafter proposes more than an answer has room for")
	}
	return answer, nil
}

// in is the turn with its data. Tokens are copied: those that are used are those that were checked.
// Features stay in the shared memory.
func (p *placed) in(memory []byte) (Turn, error) {
	t := p.turn
	tokens, ok := p.tokens.In(memory, 4)
	if !ok || len(tokens)%4 != 0 {
		return t, outside("tokens")
	}
	features, ok := p.features.In(memory, 4)
	if !ok || len(features)%4 != 0 {
		return t, outside("features")
	}
	t.Tokens = slices.Clone(link.Int32s(tokens))
	t.Features.Data = link.Float32s(features)
	return t, nil
}

func outside(what string) error {
	return fmt.Errorf("%s: %w: not within the shared memory", what, base.ErrInvalid)
}
