package draftbench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table prints the results, and where answers differed.
func Table(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tDRAFTER\tANSWERS\tDIFFERENT\tTOK/S PLAIN\tTOK/S\tRATIO\tQUARTILES\tACCEPTED\tCOMMITTED\tOFF")
	for i := range results {
		r := &results[i]
		share := 0.0
		if r.Drafted > 0 {
			share = 100 * float64(r.Accepted) / float64(r.Drafted)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%.1f\t%.1f\t%.2f\t%.2f to %.2f\t%.0f %% of %d\t%.2f\t%d\n",
			r.Kind, r.Drafter, r.Answers, len(r.Different), r.Plain, r.Drafting, r.Ratio,
			r.Quantile(0.25), r.Quantile(0.75), share, r.Drafted, r.Committed, r.Off)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, d := range r.Different {
			if _, err := fmt.Fprintf(w, "%s, %s, %s\n", r.Kind, r.Drafter, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sizes of the plot, in pixels.
const (
	plotWidth, plotBar, plotGap, plotLeft, plotTop = 640, 16, 10, 190, 40
)

// Plot writes the ratios as an SVG: a bar for each kind and drafter, with its quartiles.
func Plot(w io.Writer, results []Result) error {
	most := 1.5
	for i := range results {
		most = max(most, results[i].Quantile(0.75)*1.1, results[i].Ratio*1.1)
	}
	x := func(ratio float64) float64 { return plotLeft + ratio/most*(plotWidth-plotLeft-60) }
	height := plotTop + len(results)*(plotBar+plotGap) + 10
	out := &errWriter{w: w}
	out.print(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, height)
	out.print(`<rect width="100%%" height="100%%" fill="white"/><text x="10" y="18">Speed against the same channel without a drafter; lines are the prompts' quartiles</text>` + "\n")
	for i := range results {
		r := &results[i]
		y := plotTop + i*(plotBar+plotGap)
		out.print(`<text x="10" y="%d">%s, %s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="#4477aa"/>`, y+12, r.Kind, r.Drafter, plotLeft, y, x(r.Ratio)-plotLeft, plotBar)
		out.print(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="black"/>`, x(r.Quantile(0.25)), x(r.Quantile(0.75)), y+plotBar/2, y+plotBar/2)
		out.print(`<text x="%.1f" y="%d">%.2f</text>`+"\n", max(x(r.Ratio), x(r.Quantile(0.75)))+6, y+12, r.Ratio)
	}
	out.print(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#aa3377" stroke-dasharray="4 3"/></svg>`+"\n", x(1), x(1), plotTop-8, height-6)
	return out.err
}

// errWriter remembers the first error.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) print(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}
