package kv

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
)

var shape = codec.Shape{Layers: 3, KVHeads: 2, HeadDim: 8}

func identity(dst, src []byte, n int) bool {
	return copy(dst, src[:n*2*shape.KVHeads*shape.HeadDim]) == len(dst)
}

func testRows() (rows []Row) {
	for layer := range shape.Layers {
		for _, part := range []codec.Part{codec.Key, codec.Value} {
			rows = append(rows, Row{
				Layer: layer, Part: part, Bytes: 2 * shape.KVHeads * shape.HeadDim, Type: "f16",
				ToF16:   identity,
				FromF16: func(dst, src []byte, n int) bool { return copy(dst, src) == len(src) },
			})
		}
	}
	return rows
}

// testPage is a page of finite numbers.
func testPage(rows []Row) Page {
	page := make(Page, len(rows))
	for i, r := range rows {
		x := make([]float32, backend.PageTokens*r.Bytes/2)
		for j := range x {
			x[j] = float32(math.Sin(float64(i*1000 + j)))
		}
		page[i] = make([]byte, 2*len(x))
		codec.F16.Store(page[i], x)
	}
	return page
}

func testTokens(n int) []backend.Token {
	tokens := make([]backend.Token, n)
	for i := range tokens {
		tokens[i] = backend.Token(i * 7)
	}
	return tokens
}

// testPages are all ways to pack.
func testPages(t testing.TB) map[string]*Pages {
	int8, err := NewPacked(t.Context(), "test/1", testRows(), InProcess(fake.New(fake.Config{}), 1, codec.Params{"mode": fake.ModeInt8}), shape, 3)
	require.NoError(t, err)
	return map[string]*Pages{"as they are": NewPages("test/1", testRows(), ""), "int8": int8}
}

func TestPages(t *testing.T) {
	tokens := testTokens(128)
	for name, p := range testPages(t) {
		t.Run(name, func(t *testing.T) {
			for _, end := range []int{64, 128} {
				page := testPage(testRows())
				data, err := p.Pack(t.Context(), tokens[:end], page)
				require.NoError(t, err)
				got, err := p.Unpack(t.Context(), tokens[:end], data)
				require.NoError(t, err)
				for i, r := range p.rows {
					exact := p.exactBytes(r, p.exactTokens(end-64))
					require.Equal(t, page[i][:exact], got[i][:exact], "row %d", i)
					require.Equal(t, exact == len(page[i]), bytes.Equal(page[i], got[i]), "row %d", i)
				}
				for i := range data {
					bad := slices.Clone(data)
					bad[i] ^= 1 << (i % 8)
					_, err := p.Unpack(t.Context(), tokens[:end], bad)
					require.ErrorIs(t, err, base.ErrCorrupt, "byte %d", i)
					if i%97 == 0 {
						_, err = p.Unpack(t.Context(), tokens[:end], data[:i])
						require.ErrorIs(t, err, base.ErrCorrupt, "cut at %d", i)
					}
				}
				other := slices.Clone(tokens[:end])
				other[0]++
				_, err = p.Unpack(t.Context(), other, data)
				require.ErrorIs(t, err, base.ErrCorrupt)
			}
		})
	}
}

// A page whose numbers the codec refuses is stored as it is.
func TestPageThatIsNotFinite(t *testing.T) {
	p := testPages(t)["int8"]
	page := testPage(testRows())
	codec.F16.Store(page[2][40*32:], []float32{float32(math.Inf(1))})
	data, err := p.Pack(t.Context(), testTokens(64), page)
	require.NoError(t, err)
	got, err := p.Unpack(t.Context(), testTokens(64), data)
	require.NoError(t, err)
	require.Equal(t, page, got)
}

// TestFormat tells apart what must not be read as each other.
func TestFormat(t *testing.T) {
	rows := testRows()
	seen := map[string]bool{}
	note := func(p *Pages, err error) {
		require.NoError(t, err)
		require.False(t, seen[p.Format()], p.Format())
		seen[p.Format()] = true
	}
	note(NewPages("test/1", rows, ""), nil)
	note(NewPages("test/1", rows, "e8"), nil)
	note(NewPages("test/1", rows[:4], ""), nil)
	for _, boundary := range []int{0, 1} {
		for _, sinks := range []int{0, 1} {
			for _, mode := range []string{fake.ModeNone, fake.ModeInt8} {
				note(NewPacked(t.Context(), "test/1", rows, InProcess(fake.New(fake.Config{}), boundary, codec.Params{"mode": mode}), shape, sinks))
			}
		}
	}
	wide := slices.Clone(rows)
	wide[3].Bytes *= 2
	note(NewPages("test/1", wide, ""), nil)
	quantised := slices.Clone(rows)
	quantised[3].Type = "q8_0"
	note(NewPages("test/1", quantised, ""), nil)
}

// FuzzUnpack reaches what lies behind a right checksum.
func FuzzUnpack(f *testing.F) {
	all := testPages(f)
	for _, p := range all {
		data, err := p.Pack(f.Context(), testTokens(64), testPage(testRows()))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= pageHead {
			sum := pageSum(data)
			data[atSum], data[atSum+1], data[atSum+2], data[atSum+3] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		}
		for name, p := range all {
			page, err := p.Unpack(t.Context(), testTokens(64), data)
			if err == nil && len(page) != len(p.rows) {
				t.Errorf("%s: a page of %d rows", name, len(page))
			}
		}
	})
}
