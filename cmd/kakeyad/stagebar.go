package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// stageBar tells how far work has come that has stages: as a bar on a terminal, by a line a stage
// elsewhere.
type stageBar struct {
	to    io.Writer
	live  bool
	stage string
	bar   *progressbar.ProgressBar
}

func newStageBar(w io.Writer) *stageBar {
	return &stageBar{to: w, live: isTerminal(w)}
}

// begin begins a stage of so many units, unless it is the one that runs.
func (b *stageBar) begin(stage, title string, size int, unit string, more ...progressbar.Option) {
	if stage == b.stage {
		return
	}
	b.stage = stage
	if !b.live {
		fmt.Fprintf(b.to, "%s (%d %s)\n", title, size, unit)
		return
	}
	b.clear()
	b.bar = progressbar.NewOptions(size, append([]progressbar.Option{
		progressbar.OptionSetWriter(b.to), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription(title),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100 * time.Millisecond),
	}, more...)...)
}

// describe says what of the stage runs.
func (b *stageBar) describe(what string) {
	if b.bar != nil {
		b.bar.Describe(what)
	}
}

func (b *stageBar) set(done int) {
	if b.bar != nil {
		_ = b.bar.Set(done) // a terminal that went away shows nothing more
	}
}

func (b *stageBar) clear() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
