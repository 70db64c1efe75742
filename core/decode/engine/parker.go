package engine

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Cells is what an executor copied out of its cache or is to put there: backend.PageTokens tokens of
// all layers. The engine does not look into it.
type Cells any

// Parker is an [Executor] whose cells can leave the cache and come back.
type Parker interface {
	// CopyCells returns what a sequence holds of the page at positions from on, a multiple of
	// backend.PageTokens. It is called between steps, as Step is, and has to be quick. False: this
	// cache does not hold all of it any more.
	CopyCells(seq SeqID, from int32) (Cells, bool)

	// RestoreCells appends pages to a sequence that holds the positions before from. It is called
	// between steps. An error leaves the cache as it was before. ErrNoCells: no room.
	RestoreCells(seq SeqID, from int32, pages []Cells) error

	// PageBytes is what the keys and values of a page take in f16.
	PageBytes() int64

	// Pack makes bytes of cells; tokens are all from the first of the sequence to the last of the
	// page. Safe for concurrent use, also beside steps.
	Pack(ctx context.Context, tokens []backend.Token, c Cells) ([]byte, error)

	// Unpack is the way back. base.ErrCorrupt: the bytes are damaged, or of other tokens or
	// another format. Safe for concurrent use, also beside steps.
	Unpack(ctx context.Context, tokens []backend.Token, data []byte) (Cells, error)
}

// pageState is what the engine knows of a page that a sequence holds.
type pageState uint8

const (
	fresh    pageState = iota // computed, and not handed over
	handed                    // on its way to the host, or there
	restored                  // brought by the host: never packed from its decoded values
)

// wholePages is how many pages a sequence holds whole.
func (s *sequence) wholePages() int { return len(s.tokens) / backend.PageTokens }

// page is the state of the i-th page, which need not be whole.
func (s *sequence) page(i int) pageState {
	if i < len(s.pages) {
		return s.pages[i]
	}
	return fresh
}

func (s *sequence) setPage(i int, state pageState) {
	for len(s.pages) <= i {
		s.pages = append(s.pages, fresh)
	}
	s.pages[i] = state
}

// nextFresh is the first whole page from the i-th on that was not handed over, -1: there is none.
func (s *sequence) nextFresh(i int) int {
	for ; i < s.wholePages(); i++ {
		if s.page(i) == fresh {
			return i
		}
	}
	return -1
}
