// Package comparehtml writes a comparison's report as one HTML page, with its plots inline: the page
// loads nothing.
package comparehtml

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/kakeyad/kakeyad/core/compare"
)

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"plot":  plot,
	"pct":   func(v float64) string { return fmt.Sprintf("%.4g", 100*v) },
	"num":   func(v float64) string { return fmt.Sprintf("%.4g", v) },
	"mib":   compare.Mebibytes,
	"per":   func(bytes int64, tokens int) float64 { return float64(bytes) / float64(tokens) },
	"share": func(part, whole int64) float64 { return 100 * float64(part) / float64(whole) },
}).Parse(page))

// measure is a speed with its plot.
type measure struct {
	Name   string
	Better string
	Rows   []row
}

type row struct {
	Label string
	Speed compare.Speed
}

// Write writes the page.
func Write(w io.Writer, r *compare.Report) error {
	measures := []measure{
		{Name: "Time to first token, ms", Better: "left of 1 is faster"},
		{Name: "Prefill, tokens/s", Better: "right of 1 is faster"},
		{Name: "Generation, tokens/s", Better: "right of 1 is faster"},
	}
	for i := range r.Channels {
		c := &r.Channels[i]
		for k, s := range []compare.Speed{c.First, c.Prefill, c.Generation} {
			measures[k].Rows = append(measures[k].Rows, row{c.Label, s})
		}
	}
	return pageTemplate.Execute(w, struct {
		*compare.Report
		Measures []measure
	}{r, measures})
}

// Sizes of a plot, in pixels.
const (
	width, left, right = 760, 240, 20
	rowHeight, axis    = 34, 28
)

// plot draws ratios with their intervals, and the units they are made of as dots, on a logarithmic
// axis that has 1 in it. It is empty where there is no ratio.
func plot(m measure) template.HTML {
	low, high := 0.97, 1/0.97
	rows := 0
	for _, r := range m.Rows {
		if r.Speed.Ratio == nil {
			continue
		}
		rows++
		for _, v := range append([]float64{r.Speed.Ratio.Value, r.Speed.Ratio.Low, r.Speed.Ratio.High}, r.Speed.Ratio.Units...) {
			if v > 0 && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if rows == 0 {
		return ""
	}
	low, high = low/1.02, high*1.02
	x := func(v float64) float64 {
		return left + (width-left-right)*math.Log(v/low)/math.Log(high/low)
	}
	var b strings.Builder
	height := rows*rowHeight + axis
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s: ratios to the baseline">`, width, height, template.HTMLEscapeString(m.Name))
	fmt.Fprintf(&b, `<line class="one" x1="%.1f" x2="%.1f" y1="0" y2="%d"/>`, x(1), x(1), height-axis)
	for i := range 5 {
		v := low * math.Pow(high/low, float64(i)/4)
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d">%.2f</text>`, x(v), height-8, v)
	}
	y := rowHeight / 2
	for _, r := range m.Rows {
		if r.Speed.Ratio == nil {
			continue
		}
		ratio := r.Speed.Ratio
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text>`, y+4, template.HTMLEscapeString(r.Label))
		for _, u := range ratio.Units {
			fmt.Fprintf(&b, `<circle class="unit" cx="%.1f" cy="%d" r="3"/>`, x(u), y)
		}
		if ratio.Verdict != compare.TooFew {
			fmt.Fprintf(&b, `<line class="interval" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, x(ratio.Low), x(ratio.High), y, y)
		}
		fmt.Fprintf(&b, `<circle class="value" cx="%.1f" cy="%d" r="5"/>`, x(ratio.Value), y)
		y += rowHeight
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // labels are escaped above, all else is numbers
}
