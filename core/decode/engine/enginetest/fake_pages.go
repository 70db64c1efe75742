package enginetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var _ engine.Parker = (*Fake)(nil)

// pageCells are what a page holds: the tokens whose hash makes the logits.
type pageCells []backend.Token

// CopyCells implements [engine.Parker].
func (f *Fake) CopyCells(seq engine.SeqID, from int32) (engine.Cells, bool) {
	history := f.history(seq)
	to := int(from) + backend.PageTokens
	if from%backend.PageTokens != 0 || to > len(history) {
		f.tb.Errorf("engine broke a rule: copy of a page at %d of the %d tokens of sequence %d", from, len(history), seq)
		return nil, false
	}
	if f.config.RefusePages {
		return nil, false
	}
	return pageCells(history[from:to]), true
}

// RestoreCells implements [engine.Parker].
func (f *Fake) RestoreCells(seq engine.SeqID, from int32, pages []engine.Cells) error {
	if int(from) != len(f.seqs[seq]) {
		f.tb.Errorf("engine broke a rule: pages put at %d of sequence %d, which holds %d tokens", from, seq, len(f.seqs[seq]))
	}
	if len(f.free) < len(pages)*backend.PageTokens {
		return engine.ErrNoCells
	}
	for _, page := range pages {
		for _, t := range page.(pageCells) {
			f.append(seq, t)
		}
	}
	return nil
}

// PageBytes implements [engine.Parker].
func (f *Fake) PageBytes() int64 { return 4 * backend.PageTokens }

// Pack implements [engine.Parker]. The bytes are the page's tokens and a checksum over all tokens.
func (f *Fake) Pack(_ context.Context, tokens []backend.Token, c engine.Cells) ([]byte, error) {
	cells := c.(pageCells)
	if !slices.Equal(tokens[len(tokens)-backend.PageTokens:], cells) {
		f.tb.Errorf("engine broke a rule: a page of other tokens")
	}
	return binary.LittleEndian.AppendUint32(appendTokens(nil, cells), sum(tokens)), nil
}

// Unpack implements [engine.Parker].
func (f *Fake) Unpack(_ context.Context, tokens []backend.Token, data []byte) (engine.Cells, error) {
	if len(data) != 4*backend.PageTokens+4 || binary.LittleEndian.Uint32(data[4*backend.PageTokens:]) != sum(tokens) {
		return nil, fmt.Errorf("%w: not these tokens", base.ErrCorrupt)
	}
	cells := make(pageCells, backend.PageTokens)
	for i := range cells {
		cells[i] = backend.Token(binary.LittleEndian.Uint32(data[4*i:]))
	}
	if !slices.Equal(cells, tokens[len(tokens)-backend.PageTokens:]) {
		return nil, fmt.Errorf("%w: not the page's tokens", base.ErrCorrupt)
	}
	return cells, nil
}

func appendTokens(b []byte, tokens []backend.Token) []byte {
	for _, t := range tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return b
}

func sum(tokens []backend.Token) uint32 { return crc32.ChecksumIEEE(appendTokens(nil, tokens)) }
