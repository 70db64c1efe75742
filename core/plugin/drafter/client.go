package drafter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/drafterpb"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// closeTime is how long closing a session or an attachment waits for the calls that it still serves.
const closeTime = 10 * time.Second

// Linker introduces a peer to a drafter. The proxy of [NewClient] is one; so is a [Server].
type Linker interface {
	// OpenLink makes a ticket for [Dial], good once and for link.TicketLife.
	// base.ErrUnsupported: the drafter's system has no links.
	OpenLink(ctx context.Context) (link.Ticket, error)
}

// Proxy is the host's end of a drafter.
type Proxy interface {
	Drafter
	Linker
}

// NewClient is the host's proxy of a drafter: a [Drafter] whose every method is one call over conn,
// features included. The connection stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) Proxy {
	c := newClient(conn)
	c.way = c
	return c
}

// way is how the calls of sessions travel.
type way interface {
	open(ctx context.Context, attachment uint64, o SessionOptions) (session uint64, err error)
	closeSession(ctx context.Context, session uint64) error
	// round fills Proposal and Err of turns that are a's.
	round(ctx context.Context, a *attachment, turns []Turn) error
}

type client struct {
	*base.Client
	rpc drafterpb.DrafterServiceClient
	way way
}

func newClient(conn grpc.ClientConnInterface) *client {
	return &client{Client: base.NewClient(conn, errorMap), rpc: drafterpb.NewDrafterServiceClient(conn)}
}

func (c *client) OpenLink(ctx context.Context) (link.Ticket, error) {
	m, err := c.rpc.OpenLink(ctx, &drafterpb.OpenLinkRequest{})
	if err != nil {
		return link.Ticket{}, errorMap.Decode(ctx, err)
	}
	return link.Ticket{Address: m.GetAddress(), Secret: m.GetSecret()}, nil
}

func (c *client) Attach(ctx context.Context, target Target, params Params) (Attachment, error) {
	if err := target.Validate(); err != nil {
		return nil, err
	}
	m, err := c.rpc.Attach(ctx, &drafterpb.AttachRequest{Target: targetToWire(target), Params: params})
	if err != nil {
		return nil, errorMap.Decode(ctx, err)
	}
	a := &attachment{client: c, id: m.GetAttachment(), target: target, description: descriptionFromWire(m.GetDescription())}
	if err := a.description.Check(target); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (c *client) open(ctx context.Context, attachment uint64, o SessionOptions) (uint64, error) {
	m, err := c.rpc.Open(ctx, &drafterpb.OpenRequest{Attachment: attachment, Private: o.Private, Scope: o.Scope})
	return m.GetSession(), errorMap.Decode(ctx, err)
}

func (c *client) closeSession(ctx context.Context, session uint64) error {
	_, err := c.rpc.Close(ctx, &drafterpb.CloseRequest{Session: session})
	return errorMap.Decode(ctx, err)
}

func (c *client) round(ctx context.Context, a *attachment, turns []Turn) error {
	m, err := c.rpc.Round(ctx, &drafterpb.RoundRequest{Attachment: a.id, Turns: turnsToWire(turns)})
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	answers := m.GetAnswers()
	if len(answers) != len(turns) {
		return lied("%d answers to %d turns", len(answers), len(turns))
	}
	for i, answer := range answers {
		if len(answer.GetError()) > 0 {
			turns[i].Err = errorMap.Decode(ctx, link.UnmarshalError(answer.GetError()))
			continue
		}
		turns[i].Proposal = proposalFromWire(answer)
	}
	return nil
}

// attachment is the proxy of one.
type attachment struct {
	client      *client
	id          uint64
	target      Target
	description Description

	closing sync.Once
	closed  atomic.Bool
	err     error // of Close
}

func (a *attachment) Describe() Description { return a.description }

func (a *attachment) Open(ctx context.Context, o SessionOptions) (Session, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	if len(o.Scope) > MaxScope {
		return nil, invalid("scope", "%d bytes, more than %d", len(o.Scope), MaxScope)
	}
	id, err := a.client.way.open(ctx, a.id, o)
	if err != nil {
		return nil, err
	}
	return &session{attachment: a, id: id}, nil
}

// Close of an attachment whose plugin is gone has nothing to free.
func (a *attachment) Close() error {
	a.closing.Do(func() {
		a.closed.Store(true)
		a.err = finish("detach", func(ctx context.Context) error {
			_, err := a.client.rpc.Detach(ctx, &drafterpb.DetachRequest{Attachment: a.id})
			return errorMap.Decode(ctx, err)
		})
	})
	return a.err
}

// finish closes something at the other end; what is closed there already, or gone, is no error.
func finish(what string, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	err := call(ctx)
	if err == nil || errors.Is(err, base.ErrPluginGone) || errors.Is(err, ErrClosed) {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Round implements [Rounds].
func (a *attachment) Round(ctx context.Context, turns []Turn) {
	ready := make([]Turn, 0, len(turns))
	at := make([]int, 0, len(turns))
	for i := range turns {
		t := &turns[i]
		t.Proposal, t.Err = Proposal{}, a.ready(t)
		if t.Err == nil {
			ready, at = append(ready, *t), append(at, i)
		}
	}
	if len(ready) == 0 {
		return
	}
	err := a.client.way.round(ctx, a, ready)
	for k, i := range at {
		t := &turns[i]
		t.Proposal, t.Err = ready[k].Proposal, ready[k].Err
		if err != nil {
			t.Err = err
		}
		if t.Err == nil {
			t.Err = t.Proposal.Check(a.target, a.description, t.Ask)
		}
		if t.Err != nil {
			t.Proposal = Proposal{}
		}
	}
}

// ready says what is wrong with a turn before it is sent.
func (a *attachment) ready(t *Turn) error {
	s, ok := t.Session.(*session)
	switch {
	case !ok || s.attachment != a:
		return invalid("session", "it is not of this attachment")
	case a.closed.Load() || s.closed.Load():
		return ErrClosed
	case t.Accepted < 0 || t.Accepted > a.description.MaxDraft:
		return invalid("accepted", "%d of at most %d proposed tokens", t.Accepted, a.description.MaxDraft)
	case len(t.Features.Data) != t.Features.Rows*len(a.description.Taps)*a.target.Width || t.Features.Pos < 0:
		return invalid("features", "%d rows from position %d on have %d elements", t.Features.Rows, t.Features.Pos, len(t.Features.Data))
	}
	if t.Ask.N == 0 {
		return nil
	}
	return t.Ask.Check(a.description)
}

// session is the proxy of one: its calls are rounds of one turn.
type session struct {
	attachment *attachment
	id         uint64
	closed     atomic.Bool
}

func (s *session) do(ctx context.Context, t Turn) (Proposal, error) {
	t.Session = s
	one := [1]Turn{t}
	s.attachment.Round(ctx, one[:])
	return one[0].Proposal, one[0].Err
}

func (s *session) Committed(ctx context.Context, tokens []Token, f Features) error {
	_, err := s.do(ctx, Turn{Tokens: tokens, Features: f})
	return err
}

func (s *session) Propose(ctx context.Context, ask Ask) (Proposal, error) {
	if ask.N == 0 {
		return Proposal{}, ask.Check(s.attachment.description)
	}
	return s.do(ctx, Turn{Ask: ask})
}

func (s *session) Settle(ctx context.Context, accepted int) error {
	_, err := s.do(ctx, Turn{Accepted: accepted})
	return err
}

func (s *session) Close() error {
	if s.closed.Swap(true) || s.attachment.closed.Load() {
		return nil
	}
	return finish("close drafter session", func(ctx context.Context) error {
		return s.attachment.client.way.closeSession(ctx, s.id)
	})
}
