package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kakeyad/kakeyad/core/eval"
)

// evalBar tells how far an evaluation has come: as a bar on a terminal, by a line a channel elsewhere.
type evalBar struct {
	to      io.Writer
	live    bool
	channel string
	bar     *progressbar.ProgressBar
}

func newEvalBar(w io.Writer) *evalBar {
	f, ok := w.(*os.File)
	return &evalBar{to: w, live: ok && term.IsTerminal(int(f.Fd()))}
}

func (b *evalBar) show(p eval.Progress) {
	if p.Channel != b.channel {
		b.channel = p.Channel
		what := fmt.Sprintf("%d of %d: %s", p.Number, p.Of, p.Channel)
		if !b.live {
			fmt.Fprintf(b.to, "%s (%d tokens)\n", what, p.Size)
			return
		}
		b.clear()
		b.bar = progressbar.NewOptions(p.Size, progressbar.OptionSetWriter(b.to), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("tokens"), progressbar.OptionThrottle(100*time.Millisecond))
	}
	if b.bar != nil {
		_ = b.bar.Set(p.Tokens) // a terminal that went away shows nothing more
	}
}

func (b *evalBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
