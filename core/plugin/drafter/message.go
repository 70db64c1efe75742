package drafter

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// A message in a lane of a link, little-endian; places are relative to the arena.
//
//	0   1  operation
//	1   3  zero
//	4   4  turns
//	8   8  attachment, or the session to close
//	16     opRound: the turns; opOpen: 1 byte, 1 for a private session, and its scope
//
// A turn:
//
//	0   8  session
//	8   4  accepted
//	12  4  n, 0 when no proposal is wanted
//	16  4  floor, f32
//	20  4  temperature, f32
//	24  8  seed
//	32  4  1 when tokens are to be drawn
//	36  4  position of the first row of features
//	40  4  rows
//	44  4  zero
//	48  16 place of the tokens, int32
//	64  16 place of the features, f32
//
// For the answer see link.ReadAnswer. To opOpen it goes on with the session in 8 bytes, to opRound
// with an answer for each turn: a byte, 0 for a proposal and 1 for an error; an error's length in 4
// bytes and its google.rpc.Status; or the number of tokens in 2 bytes, a byte of flags (1: with
// confidences, 2: with distributions), the tokens, the confidences, and for each distribution the
// number of its tokens in 2 bytes, these, and their probabilities.
type message struct {
	op    op
	id    uint64
	open  SessionOptions
	turns []placed
}

// placed is a turn and where its data are.
type placed struct {
	session  uint64
	turn     Turn // without Session, Tokens and Features.Data
	tokens   link.Place
	features link.Place
}

type op uint8

const (
	opOpen  op = 1
	opClose op = 2
	opRound op = 3
)

const (
	messageHead = 16
	turnSize    = 80
)

func (m message) append(b []byte) []byte {
	b = append(b, byte(m.op), 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.turns)))
	b = binary.LittleEndian.AppendUint64(b, m.id)
	if m.op == opOpen {
		return append(append(b, flag(m.open.Private)), m.open.Scope...)
	}
	for i := range m.turns {
		p := &m.turns[i]
		t := &p.turn
		b = binary.LittleEndian.AppendUint64(b, p.session)
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Accepted))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Ask.N))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(t.Ask.Floor))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(t.Ask.Temperature))
		b = binary.LittleEndian.AppendUint64(b, t.Ask.Seed)
		b = binary.LittleEndian.AppendUint32(b, uint32(flag(t.Ask.Sample)))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Features.Pos))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Features.Rows))
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = appendPlace(b, p.tokens)
		b = appendPlace(b, p.features)
	}
	return b
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func appendPlace(b []byte, p link.Place) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.At)
	return binary.LittleEndian.AppendUint64(b, p.Length)
}

func placeOf(b []byte) link.Place {
	return link.Place{At: binary.LittleEndian.Uint64(b), Length: binary.LittleEndian.Uint64(b[8:])}
}

var errMessage = fmt.Errorf("%w: not a message of this link", base.ErrCorrupt)

// parse reads what a peer has sent into m, whose turns are used again. Numbers and places are not
// checked: attachment and arena are to be asked.
func (m *message) parse(b []byte) error {
	if len(b) < messageHead || b[1]|b[2]|b[3] != 0 {
		return errMessage
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	m.op, m.id, m.open, m.turns = op(b[0]), binary.LittleEndian.Uint64(b[8:]), SessionOptions{}, m.turns[:0]
	b = b[messageHead:]
	switch m.op {
	case opOpen:
		if n != 0 || len(b) < 1 || len(b) > 1+MaxScope || b[0] > 1 {
			return errMessage
		}
		m.open = SessionOptions{Private: b[0] == 1, Scope: string(b[1:])}
		return nil
	case opClose:
		if n != 0 || len(b) != 0 {
			return errMessage
		}
		return nil
	case opRound:
	default:
		return errMessage
	}
	if n*turnSize != uint64(len(b)) {
		return errMessage
	}
	for ; len(b) > 0; b = b[turnSize:] {
		sample := binary.LittleEndian.Uint32(b[32:])
		if sample > 1 || binary.LittleEndian.Uint32(b[44:]) != 0 {
			return errMessage
		}
		m.turns = append(m.turns, placed{
			session: binary.LittleEndian.Uint64(b),
			turn: Turn{
				Accepted: int(int32(binary.LittleEndian.Uint32(b[8:]))),
				Ask: Ask{
					N:           int(int32(binary.LittleEndian.Uint32(b[12:]))),
					Floor:       math.Float32frombits(binary.LittleEndian.Uint32(b[16:])),
					Temperature: math.Float32frombits(binary.LittleEndian.Uint32(b[20:])),
					Seed:        binary.LittleEndian.Uint64(b[24:]),
					Sample:      sample == 1,
				},
				Features: Features{
					Pos:  int(int32(binary.LittleEndian.Uint32(b[36:]))),
					Rows: int(int32(binary.LittleEndian.Uint32(b[40:]))),
				},
			},
			tokens:   placeOf(b[48:]),
			features: placeOf(b[64:]),
		})
	}
	return nil
}
