package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Row is one layer's keys or values in the cache: what one token takes of it.
type Row struct {
	Layer int
	Part  codec.Part
	Bytes int
	Type  string // number format of the cache

	// ToF16 and FromF16 convert rows of n tokens, if they are not of TypeF16, to and from
	// [n, kv_heads, head_dim] in f16; the destination has the right size. False: there is no way.
	ToF16, FromF16 func(dst, src []byte, n int) bool
}

// TypeF16 is the Type of rows that a codec can take as they are.
const TypeF16 = "f16"

// Page is what the cache holds of backend.PageTokens tokens, as it holds it: for each Row so many
// times its Bytes.
type Page [][]byte

// Pages packs pages of one model. It never changes and is safe for concurrent use.
type Pages struct {
	rows   []Row
	format string
	stream codec.Stream // nil: pages are stored as the cache has them
	shape  codec.Shape
	packs  []bool // [layers]
	sinks  int
}

// NewPages makes pages that are stored as the cache has them. Layout is the name and version of how an
// executor orders rows and numbers them. Via says what the vectors went through before they came into the
// cache; "": nothing.
func NewPages(layout string, rows []Row, via string) *Pages {
	return &Pages{rows: rows, format: layout + " " + describe(rows) + " via=" + via}
}

// NewPacked makes pages that a codec packs, but for the layers outside its boundary and the first sinks
// tokens of a sequence.
func NewPacked(ctx context.Context, layout string, rows []Row, c *Codec, shape codec.Shape, sinks int) (*Pages, error) {
	shape.Type = codec.F16
	stream, err := c.Stream(ctx, shape)
	if err != nil {
		return nil, err
	}
	return &Pages{
		rows: rows, stream: stream, shape: shape, packs: c.Packs(shape.Layers), sinks: sinks,
		format: fmt.Sprintf("%s %s boundary=%d sinks=%d codec=%s", layout, describe(rows), c.Boundary, sinks, stream.Describe().Format),
	}, nil
}

// describe tells formats apart: the number of layers, and what a token takes in each.
func describe(rows []Row) string {
	var b strings.Builder
	for i := 0; i < len(rows); {
		n := i
		for n+1 < len(rows) && rows[n+1].Bytes == rows[i+(n+1-i)%2].Bytes && rows[n+1].Type == rows[i+(n+1-i)%2].Type {
			n++
		}
		fmt.Fprintf(&b, "%d*%s:%d", n+1-i, rows[i].Type, rows[i].Bytes)
		if n > i {
			fmt.Fprintf(&b, ",%s:%d", rows[i+1].Type, rows[i+1].Bytes)
		}
		b.WriteByte(';')
		i = n + 1
	}
	return b.String()
}

// Format names what the bytes mean, see [backend.ModelInfo].
func (p *Pages) Format() string { return p.format }

// exactTokens is how many tokens of a page at pos the codec leaves alone.
func (p *Pages) exactTokens(pos int) int {
	if p.stream == nil {
		return backend.PageTokens
	}
	return min(backend.PageTokens, max(0, p.sinks-pos))
}

// exactBytes is how many bytes of a row are stored as they are.
func (p *Pages) exactBytes(r Row, exact int) int {
	if p.stream == nil || !p.packs[r.Layer] {
		exact = backend.PageTokens
	}
	return exact * r.Bytes
}

// Pack makes bytes of a page; tokens are all to its end.
func (p *Pages) Pack(ctx context.Context, tokens []backend.Token, page Page) ([]byte, error) {
	pos := len(tokens) - backend.PageTokens
	exact := p.exactTokens(pos)
	var s sealed
	if exact < backend.PageTokens {
		v, err := p.vectors(pos, exact, page, true)
		if err != nil {
			return nil, err
		}
		s.frame, err = p.stream.Encode(ctx, nil, v...)
		s.framed = err == nil
		var strange *codec.NonFiniteError
		if err != nil && !errors.As(err, &strange) {
			return nil, fmt.Errorf("codec: %w", err)
		}
	}
	for i, r := range p.rows {
		n := len(page[i])
		if s.framed {
			n = p.exactBytes(r, exact)
		}
		s.exact = append(s.exact, page[i][:n]...)
	}
	return seal(p.format, tokens, s), nil
}

// isF16 says that rows of so many tokens are [tokens, kv_heads, head_dim] in f16 as they are.
func (r Row) isF16() bool { return r.Type == TypeF16 }

// vectors are what the codec packs of a page, in f16: memory of the page where it is that already. Without
// fill the others are zeros.
func (p *Pages) vectors(pos, exact int, page Page, fill bool) ([]codec.Vectors, error) {
	var v []codec.Vectors
	n := backend.PageTokens - exact
	for i, r := range p.rows {
		if !p.packs[r.Layer] {
			continue
		}
		data := page[i][exact*r.Bytes:]
		if !r.isF16() {
			data = make([]byte, n*p.shape.TokenBytes())
		}
		if fill && !r.isF16() && !r.ToF16(data, page[i][exact*r.Bytes:], n) {
			return nil, fmt.Errorf("page: layer %d of type %s cannot be read", r.Layer, r.Type)
		}
		v = append(v, codec.Vectors{Layer: r.Layer, Part: r.Part, Pos: pos + exact, Tokens: n, Data: data})
	}
	return v, nil
}

// Unpack is the way back. base.ErrCorrupt: the bytes are damaged, or not of this format and these tokens.
func (p *Pages) Unpack(ctx context.Context, tokens []backend.Token, data []byte) (Page, error) {
	s, err := unseal(p.format, tokens, data)
	if err != nil {
		return nil, err
	}
	pos := len(tokens) - backend.PageTokens
	exact := backend.PageTokens
	if s.framed {
		exact = p.exactTokens(pos)
	}
	if s.framed != (exact < backend.PageTokens) {
		return nil, corrupt("it has a frame that there is nothing to be in")
	}
	page := make(Page, len(p.rows))
	for i, r := range p.rows {
		n := backend.PageTokens * r.Bytes
		page[i] = make([]byte, n)
		if s.framed {
			n = p.exactBytes(r, exact)
		}
		if n > len(s.exact) {
			return nil, corrupt("it lacks rows")
		}
		copy(page[i], s.exact[:n])
		s.exact = s.exact[n:]
	}
	if len(s.exact) != 0 {
		return nil, corrupt("it has rows too many")
	}
	if !s.framed {
		return page, nil
	}
	v, err := p.vectors(pos, exact, page, false)
	if err != nil {
		return nil, err
	}
	if err := p.stream.Decode(ctx, s.frame, v...); err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	for i, r := range p.rows {
		if !p.packs[r.Layer] {
			continue
		}
		if !r.isF16() && !r.FromF16(page[i][exact*r.Bytes:], v[0].Data, backend.PageTokens-exact) {
			return nil, fmt.Errorf("page: layer %d of type %s cannot be written", r.Layer, r.Type)
		}
		v = v[1:]
	}
	return page, nil
}

// Close closes the codec's stream.
func (p *Pages) Close() {
	if p.stream != nil {
		_ = p.stream.Close() // it may be gone
	}
}
