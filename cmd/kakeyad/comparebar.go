package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/kakeyad/kakeyad/core/compare"
)

// compareBar tells how far a comparison has come: as a bar on a terminal, by a line a stage elsewhere.
type compareBar struct {
	to    io.Writer
	live  bool
	stage string
	bar   *progressbar.ProgressBar
}

func newCompareBar(w io.Writer) *compareBar {
	f, ok := w.(*os.File)
	return &compareBar{to: w, live: ok && term.IsTerminal(int(f.Fd()))}
}

func (b *compareBar) show(p compare.Progress) {
	if p.Stage != b.stage {
		b.stage = p.Stage
		if !b.live {
			fmt.Fprintf(b.to, "%s (%d steps)\n", p.Stage, p.All)
			return
		}
		b.clear()
		b.bar = progressbar.NewOptions(p.All, progressbar.OptionSetWriter(b.to), progressbar.OptionClearOnFinish(),
			progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	if b.bar != nil {
		b.bar.Describe(p.Stage + " " + p.Channel)
		_ = b.bar.Set(p.Done) // a terminal that went away shows nothing more
	}
}

func (b *compareBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
