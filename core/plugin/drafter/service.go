package drafter

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/drafterpb"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// service is what one peer sees of a drafter: the host, or the far end of a link. Attachments and
// sessions belong to the peer that made them.
type service struct {
	drafterpb.UnimplementedDrafterServiceServer
	impl   Drafter
	guard  base.Guard
	linker Linker // nil: a link does not make links

	mu          sync.Mutex
	ended       bool
	attachments map[uint64]*attached
	sessions    map[uint64]*served
	last        uint64
}

// attached is an attachment that a peer has.
type attached struct {
	Attachment
	target      Target
	description Description
}

// served is a session that a peer has. Whoever calls it holds use.
type served struct {
	Session
	of  uint64 // attachment
	use sync.Mutex
}

func (s *service) register(r grpc.ServiceRegistrar) {
	base.Register(r, s.impl, s.guard)
	drafterpb.RegisterDrafterServiceServer(r, s)
}

// end closes what the peer has left open; sessions close with their attachments.
func (s *service) end() {
	s.mu.Lock()
	left := s.attachments
	s.attachments, s.sessions, s.ended = nil, nil, true
	s.mu.Unlock()
	for id, a := range left {
		if err := s.detach(a); err != nil {
			s.guard.Log.Warn("close drafter attachment", "attachment", id, "err", err)
		}
	}
}

func (s *service) detach(a *attached) (err error) {
	defer s.guard.Call("Detach", &err)
	return a.Close()
}

func (s *service) OpenLink(ctx context.Context, _ *drafterpb.OpenLinkRequest) (_ *drafterpb.OpenLinkResponse, err error) {
	defer s.guard.Call("OpenLink", &err)
	if s.linker == nil {
		return nil, fmt.Errorf("open link: %w over a link", base.ErrUnsupported)
	}
	t, err := s.linker.OpenLink(ctx)
	if err != nil {
		return nil, err
	}
	return &drafterpb.OpenLinkResponse{Address: t.Address, Secret: t.Secret}, nil
}

func (s *service) Attach(ctx context.Context, m *drafterpb.AttachRequest) (_ *drafterpb.AttachResponse, err error) {
	defer s.guard.Call("Attach", &err)
	target := targetFromWire(m.GetTarget())
	if err := target.Validate(); err != nil {
		return nil, err
	}
	impl, err := s.impl.Attach(ctx, target, m.GetParams())
	if err != nil {
		return nil, err
	}
	a := &attached{Attachment: impl, target: target, description: impl.Describe()}
	if err := a.description.Check(target); err != nil {
		return nil, errors.Join(err, impl.Close())
	}
	id, ok := s.keepAttachment(a)
	if !ok {
		return nil, errors.Join(ErrClosed, impl.Close())
	}
	return &drafterpb.AttachResponse{Attachment: id, Description: descriptionToWire(a.description)}, nil
}

// keepAttachment makes an attachment known to the peer. False: the peer is gone.
func (s *service) keepAttachment(a *attached) (id uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, false
	}
	if s.attachments == nil {
		s.attachments, s.sessions = map[uint64]*attached{}, map[uint64]*served{}
	}
	s.last++
	s.attachments[s.last] = a
	return s.last, true
}

func (s *service) attachment(id uint64) (*attached, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.attachments[id]; ok {
		return a, nil
	}
	return nil, ErrClosed
}

func (s *service) Detach(_ context.Context, m *drafterpb.DetachRequest) (_ *drafterpb.DetachResponse, err error) {
	defer s.guard.Call("Detach", &err)
	s.mu.Lock()
	a, ok := s.attachments[m.GetAttachment()]
	delete(s.attachments, m.GetAttachment())
	for id, session := range s.sessions {
		if session.of == m.GetAttachment() {
			delete(s.sessions, id)
		}
	}
	s.mu.Unlock()
	if !ok {
		return nil, ErrClosed
	}
	if err := a.Close(); err != nil {
		return nil, err
	}
	return &drafterpb.DetachResponse{}, nil
}

func (s *service) Open(ctx context.Context, m *drafterpb.OpenRequest) (_ *drafterpb.OpenResponse, err error) {
	defer s.guard.Call("Open", &err)
	id, err := s.open(ctx, m.GetAttachment(), SessionOptions{Private: m.GetPrivate(), Scope: m.GetScope()})
	if err != nil {
		return nil, err
	}
	return &drafterpb.OpenResponse{Session: id}, nil
}

func (s *service) open(ctx context.Context, attachment uint64, o SessionOptions) (uint64, error) {
	a, err := s.attachment(attachment)
	if err != nil {
		return 0, err
	}
	session, err := a.Open(ctx, o)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.attachments[attachment]; !ok {
		return 0, errors.Join(ErrClosed, session.Close())
	}
	s.last++
	s.sessions[s.last] = &served{Session: session, of: attachment}
	return s.last, nil
}

func (s *service) Close(_ context.Context, m *drafterpb.CloseRequest) (_ *drafterpb.CloseResponse, err error) {
	defer s.guard.Call("Close", &err)
	if err := s.close(m.GetSession()); err != nil {
		return nil, err
	}
	return &drafterpb.CloseResponse{}, nil
}

func (s *service) close(id uint64) error {
	s.mu.Lock()
	session, ok := s.sessions[id]
	delete(s.sessions, id)
	s.mu.Unlock()
	if !ok {
		return ErrClosed
	}
	session.use.Lock()
	defer session.use.Unlock()
	return session.Close()
}

func (s *service) Round(ctx context.Context, m *drafterpb.RoundRequest) (_ *drafterpb.RoundResponse, err error) {
	defer s.guard.Call("Round", &err)
	turns, ids := make([]Turn, len(m.GetTurns())), make([]uint64, len(m.GetTurns()))
	for i, t := range m.GetTurns() {
		turns[i], ids[i] = turnFromWire(t), t.GetSession()
	}
	if err := s.round(ctx, m.GetAttachment(), ids, turns); err != nil {
		return nil, err
	}
	answer := &drafterpb.RoundResponse{}
	for i := range turns {
		a := proposalToWire(turns[i].Proposal)
		if turns[i].Err != nil {
			a = &drafterpb.Answer{Error: link.MarshalError(errorMap.Encode(turns[i].Err))}
		}
		answer.Answers = append(answer.Answers, a)
	}
	return answer, nil
}

// round does the turns, whose sessions are ids. Those whose session is not there, or in use by
// another call, or comes twice, get an error without the implementation.
func (s *service) round(ctx context.Context, attachment uint64, ids []uint64, turns []Turn) error {
	a, err := s.attachment(attachment)
	if err != nil {
		return err
	}
	found := make([]*served, len(ids))
	s.mu.Lock()
	for i, id := range ids {
		if session, ok := s.sessions[id]; ok && session.of == attachment {
			found[i] = session
		}
	}
	s.mu.Unlock()
	run, at := make([]Turn, 0, len(turns)), make([]int, 0, len(turns))
	for i, session := range found {
		switch {
		case session == nil:
			turns[i].Err = ErrClosed
		case !session.use.TryLock():
			turns[i].Err = fmt.Errorf("session: %w: another call uses it", base.ErrBusy)
		default:
			defer session.use.Unlock()
			turns[i].Session = session.Session
			run, at = append(run, turns[i]), append(at, i)
		}
	}
	if len(run) > 0 {
		Round(ctx, a.Attachment, run)
	}
	for k, i := range at {
		turns[i].Proposal, turns[i].Err = run[k].Proposal, run[k].Err
	}
	return nil
}
