package session

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
	alice = Identity{Model: "smol", Codec: "e8-q38", Scope: "alice"}
	all   = Identity{Model: "smol", Codec: "e8-q38"}
)

// openStore opens a store that is closed with the test.
func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	o.Logger = quiet
	s, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// prompt makes the tokens of n pages that differ with each of the numbers: the first decides the
// first page and all after it, the second the second, and so on; the last goes for all the rest.
func prompt(n int, numbers ...int32) []int32 {
	out := make([]int32, 0, n*PageTokens)
	for i := range n * PageTokens {
		out = append(out, int32(i)^numbers[min(i/PageTokens, len(numbers)-1)]<<16)
	}
	return out
}

// pageData is what a page of this key holds in tests: size bytes that only it has.
func pageData(k Key, size int) []byte {
	r := rand.NewChaCha8(k)
	out := make([]byte, size)
	r.Read(out)
	return out
}

// sizeOf is the size of a page's data in tests, between half of about and one and a half.
func sizeOf(k Key, about int) int {
	return about/2 + int(binary.LittleEndian.Uint32(k[:]))%about
}

// pagesOf makes the pages of a prompt.
func pagesOf(id Identity, tokens []int32, about int) []Page {
	var out []Page
	var parent Key
	for i, k := range Keys(id, tokens) {
		out = append(out, Page{
			Identity: id,
			Parent:   parent,
			Tokens:   tokens[i*PageTokens : (i+1)*PageTokens],
			Data:     pageData(k, sizeOf(k, about)),
			Nominal:  int64(3 * about),
		})
		parent = k
	}
	return out
}

// park puts all pages of a prompt.
func park(t testing.TB, s *Store, id Identity, tokens []int32, about int) {
	t.Helper()
	for _, p := range pagesOf(id, tokens, about) {
		require.NoError(t, s.Put(ctx, p))
	}
}

// restored looks a prompt up, checks each page and returns how many there were.
func restored(t testing.TB, s *Store, id Identity, tokens []int32, about int) int {
	t.Helper()
	p, err := s.Lookup(ctx, id, tokens)
	require.NoError(t, err)
	defer p.Release()
	for i := range p.Pages() {
		k := p.Key(i)
		data, err := p.Page(ctx, i)
		require.NoError(t, err)
		require.Equal(t, pageData(k, sizeOf(k, about)), data)
	}
	return p.Pages()
}

// noError is for goroutines that are not the test's.
func noError(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}

func isGone(err error) bool { return errors.Is(err, ErrGone) }
