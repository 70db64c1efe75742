package backend

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// PageTokens is how many tokens one page of the KV cache holds, all layers.
const PageTokens = 64

// Pager is a backend that announces CapPages. Proxies implement it for all backends; without the
// capability its methods are ErrUnsupported, as they are for a model whose ModelInfo has no
// PageFormat.
//
// # Parking
//
// A session is what the cache holds of one conversation. It is parked when it has been idle for
// CacheOptions.ParkAfter, before its cells are given to another, and by ParkModel: its whole pages
// are packed and handed over by ExportPages, those before others of the same session first. The cells
// stay as they are. A page that was handed over or restored is not handed over again while the cache
// holds it; what was restored is never packed from its decoded values. Requests with
// NoCache are never parked. Where pages come faster than they are taken, sessions that must give up
// their cells are lost and will be computed again; nothing waits for the host.
type Pager interface {
	// ExportPages is one long call, which the host opens after loading a model and keeps open. It
	// calls opened once, when it takes pages: from then on ParkModel parks. After that it
	// calls emit for each page, never concurrently; a page is the host's once emit has returned
	// nil. Pages that come while no such call is open are not packed.
	//
	// It always returns an error: ErrModelNotLoaded once the model is being unloaded, ErrBusy
	// when another such call is open, emit's own, the context's.
	ExportPages(ctx context.Context, id ModelID, opened func(), emit func(Page) error) error

	// ParkModel parks every session that is not at work, and returns when emit has returned for
	// all pages. The host calls it before it unloads a model. Errors: ErrInvalid when no
	// ExportPages is open or it ended meanwhile.
	ParkModel(ctx context.Context, id ModelID) error

	// ImportPages puts parked pages of a prompt's beginning back into the cache, where the
	// Generate that follows finds them like any cached prefix, if no other needs the cells
	// first. It calls page, never concurrently, for what the cache does not hold already, in
	// order, and not beyond the last token but one of the prompt: that one is always computed.
	// Page i holds tokens [i*PageTokens, (i+1)*PageTokens).
	//
	// What the host has not is what the cache must hand over again: pages of the prompt from
	// Available on, and one that page failed to bring or that was refused, count as never handed
	// over. Unless they were restored themselves they come again when the session is parked next.
	//
	// The result is valid with an error too: what came before the failure stays restored. Errors:
	// a *PageError with ErrCorrupt (damaged, of another PageFormat or of other tokens), which the
	// host should drop, page's own, and those that all methods have.
	ImportPages(ctx context.Context, req ImportRequest, page func(i int) ([]byte, error)) (ImportResult, error)
}

// Page is the packed KV of PageTokens consecutive tokens.
type Page struct {
	Scope   string
	Tokens  []Token // all from the first of the session to the last of this page
	Data    []byte  // self-describing and checksummed, of ModelInfo.PageFormat
	Nominal int64   // bytes of the same keys and values in f16
}

// ImportRequest is the input of ImportPages.
type ImportRequest struct {
	Model     ModelID
	Scope     string
	Tokens    []Token // of the whole prompt
	Available int     // pages that the host has, from the first on
}

// ImportResult says what the cache holds of the prompt now.
type ImportResult struct {
	Tokens   int // from the first, restored or there before
	Restored int // pages that were restored
}

// ErrPage is that of every *PageError.
var ErrPage = errors.New("page cannot be restored")

// PageError says which page of an import was refused. It is wrapped together with the reason.
type PageError struct{ Page int }

// Error names the page.
func (e *PageError) Error() string { return fmt.Sprintf("page %d cannot be restored", e.Page) }

// Is makes errors.Is(err, ErrPage) true.
func (e *PageError) Is(target error) bool { return target == ErrPage }

func pageFields(err error) (map[string]string, bool) {
	var e *PageError
	if !errors.As(err, &e) {
		return nil, false
	}
	return map[string]string{"page": strconv.Itoa(e.Page)}, true
}

func pageTyped(fields map[string]string) (error, bool) {
	n, err := strconv.Atoi(fields["page"])
	return &PageError{Page: n}, err == nil
}
