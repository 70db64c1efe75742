package eval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
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
	tapped *tapped

	mu     sync.Mutex
	before map[someTokens][]codec.Vectors // as they were given, of the layers so far
}

// someTokens are those that vectors are of.
type someTokens struct{ pos, tokens int }

// RoundTrip implements [codec.Stream]. Backends bring tokens as they like, also one by one; the codec gets those of a page
// together, as the page will have them.
func (c *chains) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := newPages()
	for i := range v {
		now.add(c.tapped, v[i])
	}
	groups := map[someTokens][]codec.Vectors{}
	for _, page := range now.of(c.tapped) {
		for _, run := range page {
			key := someTokens{run.Pos, run.Tokens}
			groups[key] = append(groups[key], run)
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
		now.fill(c.tapped, group)
	}
	return nil
}

func copies(v []codec.Vectors) []codec.Vectors {
	out := make([]codec.Vectors, len(v))
	for i := range v {
		out[i] = v[i]
		out[i].Data = bytes.Clone(v[i].Data)
	}
	return out
}

// reset forgets what came: a window begins.
func (c *chains) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.before)
}

// parts cuts vectors where they came in several steps. They share their memory.
func (c *chains) parts(v []codec.Vectors) (out []codec.Vectors) {
	c.mu.Lock()
	defer c.mu.Unlock()
	came := map[int]int{} // tokens, by position
	for key := range c.before {
		came[key.pos] = key.tokens
	}
	for _, x := range v {
		size := len(x.Data) / x.Tokens
		for x.Tokens > 0 {
			n := x.Tokens
			if there := came[x.Pos]; there > 0 && there < n {
				n = there
			}
			p := x
			p.Tokens, p.Data = n, x.Data[:n*size]
			out = append(out, p)
			x.Pos, x.Tokens, x.Data = x.Pos+n, x.Tokens-n, x.Data[n*size:]
		}
	}
	return out
}

// pack makes the frame of a page of which attention read what is in read, and holds it to that. A codec may judge the tokens
// of a step together, as the guard of e8k does; a page that came in several steps and has another frame as a whole is
// packed in those parts.
func (c *chains) pack(ctx context.Context, v, read []codec.Vectors) ([]byte, error) {
	frame, err := c.Encode(ctx, nil, v...)
	if err != nil {
		return nil, err
	}
	err = c.check(ctx, frame, read)
	if parts := c.parts(v); errors.Is(err, base.ErrCorrupt) && len(parts) > len(v) {
		if frame, err = c.Encode(ctx, nil, parts...); err != nil {
			return nil, err
		}
		err = c.check(ctx, frame, c.parts(read))
	}
	return frame, err
}

// check decodes a page's frame and holds it to being what attention read.
func (c *chains) check(ctx context.Context, frame []byte, read []codec.Vectors) error {
	got := slices.Clone(read)
	for i := range got {
		got[i].Data = make([]byte, len(read[i].Data))
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
