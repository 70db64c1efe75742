package fake

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var _ backend.Pager = (*Backend)(nil)

// A page of the fake is what its language model knows after the page's last token:
//
//	"KFPG"  version 1  tail: length and bytes  hash, 8 bytes  CRC-32C, 4 bytes
//
// With a codec, a frame of the page's keys comes before it, see [bound]. A prompt whose beginning was restored is answered from that, so that a wrong page gives another
// answer.
const (
	pageMagic   = "KFPG\x01"
	pageFormat  = "fake/1"
	largestTail = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func packPage(h history) []byte {
	b := append([]byte(pageMagic), byte(len(h.tail)))
	b = append(b, h.tail...)
	b = binary.LittleEndian.AppendUint64(b, h.hash)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func unpackPage(ctx context.Context, c *bound, b []byte) (history, error) {
	b, err := c.unpack(ctx, b)
	if err != nil {
		return history{}, err
	}
	const least = len(pageMagic) + 1 + 8 + 4
	if len(b) < least || string(b[:len(pageMagic)]) != pageMagic {
		return history{}, fmt.Errorf("%w: it is no page of the fake", base.ErrCorrupt)
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return history{}, fmt.Errorf("%w: the checksum does not match", base.ErrCorrupt)
	}
	tail := int(body[len(pageMagic)])
	if tail > largestTail || len(b) != least+tail {
		return history{}, fmt.Errorf("%w: its length is wrong", base.ErrCorrupt)
	}
	text := body[len(pageMagic)+1:]
	return history{tail: string(text[:tail]), hash: binary.LittleEndian.Uint64(text[tail:])}, nil
}

// parking finds a model that parks.
func (b *Backend) parking(id backend.ModelID) (*model, error) {
	m, err := b.model(id)
	if err == nil && m.info.PageFormat == "" {
		err = fmt.Errorf("model %q: %w: it was loaded without parking", id, base.ErrUnsupported)
	}
	return m, err
}

// ExportPages implements [backend.Pager]. All packing happens in this call.
func (b *Backend) ExportPages(ctx context.Context, id backend.ModelID, opened func(), emit func(backend.Page) error) error {
	m, err := b.parking(id)
	if err != nil {
		return err
	}
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	s := m.slots
	if err := s.openExport(); err != nil {
		return err
	}
	defer s.closeExport()
	opened()
	for {
		page, err := s.nextPage(ctx, m.info.Options.Cache.ParkAfter)
		if err != nil {
			return err
		}
		out := page.export(m.info.Memory.KVBytesPerToken)
		if out.Data, err = m.codec.pack(ctx, out.Data); err == nil {
			err = emit(out)
		}
		if err != nil {
			s.refused(page)
			return err
		}
		s.exported(page)
	}
}

// ParkModel implements [backend.Pager].
func (b *Backend) ParkModel(ctx context.Context, id backend.ModelID) error {
	m, err := b.parking(id)
	if err != nil {
		return err
	}
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	return m.slots.park(ctx)
}

// ImportPages implements [backend.Pager].
func (b *Backend) ImportPages(ctx context.Context, req backend.ImportRequest, page func(i int) ([]byte, error)) (backend.ImportResult, error) {
	m, err := b.parking(req.Model)
	if err != nil {
		return backend.ImportResult{}, err
	}
	if err := vocabulary.check("tokens", req.Tokens); err != nil {
		return backend.ImportResult{}, err
	}
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return backend.ImportResult{}, err
	}
	defer done()
	m.slots.forget(req.Scope, req.Tokens, req.Available)
	pages := min(req.Available, max(0, len(req.Tokens)-1)/backend.PageTokens)
	have, state := m.slots.match(req.Scope, req.Tokens)
	result := backend.ImportResult{Tokens: have}
	first := have / backend.PageTokens
	for i := first; i < pages; i++ {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			break
		}
		var data []byte
		var next history
		if data, err = page(i); err == nil {
			if next, err = unpackPage(ctx, m.codec, data); err != nil {
				err = fmt.Errorf("%w: %w", &backend.PageError{Page: i}, err)
			}
		}
		if err != nil {
			m.slots.forget(req.Scope, req.Tokens, i)
			break
		}
		state = next
		result.Restored++
		result.Tokens = (i + 1) * backend.PageTokens
		m.slots.remember(pageKey{req.Scope, i + 1, state})
	}
	if result.Restored > 0 && !m.slots.restore(session{
		scope: req.Scope, tokens: req.Tokens[:result.Tokens], known: result.Tokens, state: state,
	}, result.Restored*backend.PageTokens) {
		result = backend.ImportResult{Tokens: have}
	}
	return result, err
}
