package eval

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// The codec's parameter that says what a page is packed from, and its value for a layer being predicted from those
// before it.
const (
	formParam = "form"
	formPage  = "page"
)

// chains gives a codec that predicts a layer from others those others. A backend in mode live asks for one layer after
// another, and such a codec packs what comes alone in another way than in a page; with the layers before it in the
// same call, attention reads what a page will hold.
// It is safe for concurrent use.
type chains struct {
	codec.Stream

	mu     sync.Mutex
	before map[someTokens][]codec.Vectors // as they were given, of the layers so far
}

// someTokens are those that vectors are of.
type someTokens struct{ pos, tokens int }

// RoundTrip implements [codec.Stream].
func (c *chains) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := map[someTokens][]codec.Vectors{}
	for i := range v {
		for _, p := range inPages(v[i], c.size(v[i])) {
			key := someTokens{p.Pos, p.Tokens}
			groups[key] = append(groups[key], p)
		}
	}
	for key, group := range groups {
		before := c.before[key]
		for _, b := range before {
			if b.Layer == group[0].Layer && b.Part == group[0].Part {
				before = nil // another window has begun
				break
			}
		}
		given := copies(group)
		if err := c.Stream.RoundTrip(ctx, append(copies(before), group...)...); err != nil {
			return err
		}
		c.before[key] = append(before, given...)
	}
	return nil
}

// size is the bytes of one token.
func (c *chains) size(v codec.Vectors) int { return len(v.Data) / v.Tokens }

// inPages cuts vectors where pages begin. The pieces share their memory.
func inPages(v codec.Vectors, size int) (out []codec.Vectors) {
	for v.Tokens > 0 {
		p := v
		p.Tokens = min(v.Tokens, pageTokens-v.Pos%pageTokens)
		p.Data = v.Data[:p.Tokens*size]
		out = append(out, p)
		v.Pos, v.Tokens, v.Data = v.Pos+p.Tokens, v.Tokens-p.Tokens, v.Data[p.Tokens*size:]
	}
	return out
}

func copies(v []codec.Vectors) []codec.Vectors {
	out := make([]codec.Vectors, len(v))
	for i := range v {
		out[i] = v[i]
		out[i].Data = bytes.Clone(v[i].Data)
	}
	return out
}

// check decodes a page's frame and holds it to being what attention read.
func (c *chains) check(ctx context.Context, frame []byte, read []codec.Vectors) error {
	got := copies(read)
	for i := range got {
		clear(got[i].Data)
	}
	if err := c.Decode(ctx, frame, got...); err != nil {
		return err
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, read[i].Data) {
			return fmt.Errorf("%w: the frame of position %d does not hold what attention read of layer %d", base.ErrCorrupt, got[i].Pos, got[i].Layer)
		}
	}
	return nil
}
