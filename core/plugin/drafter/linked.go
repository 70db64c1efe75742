package drafter

import (
	"context"
	"encoding/binary"
	"errors"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Linked is a [Drafter] behind a link: a backend's. A round is one call of a lane, but when it has
// so many turns that the answers would not fit.
type Linked struct {
	*client
	link *link.Client
}

// Dial uses up a ticket, see [Linker]. The caller closes what it gets. For errors see [link.Dial].
func Dial(ctx context.Context, t link.Ticket, o link.Options) (*Linked, error) {
	l, err := link.Dial(ctx, t, o)
	if err != nil {
		return nil, err
	}
	linked := &Linked{client: newClient(l.Control()), link: l}
	linked.way = linked
	return linked, nil
}

// Control carries the calls that need no shared memory.
func (l *Linked) Control() grpc.ClientConnInterface { return l.link.Control() }

// Gone closes when the drafter is gone or the link was closed.
func (l *Linked) Gone() <-chan struct{} { return l.link.Gone() }

// Close ends the link and with it all attachments; calls under way fail with base.ErrPluginGone.
func (l *Linked) Close() error { return l.link.Close() }

// do makes a call and hands its answer to read.
func (l *Linked) do(ctx context.Context, scratch int, fill func(*link.Call) message, read func([]byte) error) error {
	call, err := l.link.Begin(ctx, scratch)
	if err != nil {
		return err
	}
	defer call.End()
	call.Message = fill(call).append(call.Message)
	if err := call.Do(ctx); err != nil {
		return err
	}
	answer, err := link.ReadAnswer(call.Reply)
	if err == nil {
		err = read(answer)
	}
	return l.known(ctx, err)
}

// known gives an error of the other end its identity back.
func (l *Linked) known(ctx context.Context, err error) error {
	if errors.Is(err, link.ErrAnswer) {
		return lied("%v", err)
	}
	err = errorMap.Decode(ctx, err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = ctx.Err() // the peer does not know why: it may have been the deadline
	}
	return err
}

func (l *Linked) open(ctx context.Context, attachment uint64, o SessionOptions) (session uint64, err error) {
	err = l.do(ctx, 0, func(*link.Call) message {
		return message{op: opOpen, id: attachment, open: o}
	}, func(answer []byte) error {
		if len(answer) != 8 {
			return link.ErrAnswer
		}
		session = binary.LittleEndian.Uint64(answer)
		return nil
	})
	return session, err
}

func (l *Linked) closeSession(ctx context.Context, session uint64) error {
	return l.do(ctx, 0, func(*link.Call) message {
		return message{op: opClose, id: session}
	}, func([]byte) error { return nil })
}

func (l *Linked) round(ctx context.Context, a *attachment, turns []Turn) error {
	for len(turns) > 0 {
		n, room := 0, 1
		for n < len(turns) && (n+1)*turnSize+messageHead <= link.MaxMessage {
			if room += answerRoom(turns[n].Ask); room > link.MaxMessage {
				break
			}
			n++
		}
		if err := l.part(ctx, a, turns[:n]); err != nil {
			return err
		}
		turns = turns[n:]
	}
	return nil
}

// align is what data in the scratch are aligned to.
const align = 64

// part makes a round of turns whose answers fit into a lane.
func (l *Linked) part(ctx context.Context, a *attachment, turns []Turn) error {
	m := message{op: opRound, id: a.id, turns: make([]placed, len(turns))}
	scratch := 0
	place := func(n int) link.Place {
		at := scratch
		scratch += (4*n + align - 1) / align * align
		return link.Place{At: uint64(at), Length: uint64(4 * n)}
	}
	for i := range turns {
		t := &turns[i]
		m.turns[i] = placed{
			session:  t.Session.(*session).id,
			turn:     Turn{Accepted: t.Accepted, Features: Features{Pos: t.Features.Pos, Rows: t.Features.Rows}, Ask: t.Ask},
			tokens:   place(len(t.Tokens)),
			features: place(len(t.Features.Data)),
		}
	}
	return l.do(ctx, scratch, func(call *link.Call) message {
		for i := range turns {
			p := &m.turns[i]
			copy(link.Int32s(call.Scratch[p.tokens.At:][:p.tokens.Length]), turns[i].Tokens)
			copy(link.Float32s(call.Scratch[p.features.At:][:p.features.Length]), turns[i].Features.Data)
			p.tokens.At += uint64(call.ScratchAt)
			p.features.At += uint64(call.ScratchAt)
		}
		return m
	}, func(answer []byte) error {
		r := reader{b: answer}
		for i := range turns {
			var err error
			if turns[i].Proposal, err = r.turn(); r.short {
				return link.ErrAnswer
			}
			turns[i].Err = l.known(ctx, err)
		}
		if len(r.b) > 0 {
			return link.ErrAnswer
		}
		return nil
	})
}
