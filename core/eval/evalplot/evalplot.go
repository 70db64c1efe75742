// Package evalplot draws reports of package eval: quality against bytes.
package evalplot

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const (
	width  = 24 * vg.Centimeter
	height = 15 * vg.Centimeter
)

// Formats are the endings of file names that Save knows.
var Formats = []string{".svg", ".png"}

// Check refuses a file name that Save cannot write to.
func Check(file string) error {
	if !slices.Contains(Formats, strings.ToLower(filepath.Ext(file))) {
		return fmt.Errorf("plot %s: %w: its name must end in %s", file, base.ErrInvalid, strings.Join(Formats, " or "))
	}
	return nil
}

// Save draws the divergence from the baseline over the bytes of a token, both logarithmic, and
// writes it to a file whose ending says how. Channels of one codec or cache type are joined by a line. A channel
// that does not diverge has no place on it.
func Save(r *eval.Report, file string) error {
	if err := Check(file); err != nil {
		return err
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%d tokens in windows of %d, against %s", r.Tokens, r.Context, r.Baseline)
	p.X.Label.Text = "bytes of a token's keys and values"
	p.Y.Label.Text = "KL divergence, nats a token"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{}, ticks{}
	p.Add(plotter.NewGrid())
	p.Legend.Top = true
	families := familiesOf(r)
	if len(families) == 0 {
		return fmt.Errorf("plot %s: %w: no channel diverges from the baseline", file, base.ErrInvalid)
	}
	for i, f := range families {
		if err := f.draw(p, i); err != nil {
			return fmt.Errorf("plot %s: %w", file, err)
		}
	}
	if err := p.Save(width, height, file); err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	return nil
}

// ticks are those of a logarithmic axis: one, two and five of each decade with their number, and all
// with it where they are few.
type ticks struct{}

// Ticks implements [plot.Ticker].
func (ticks) Ticks(low, high float64) []plot.Tick {
	few := high < 8*low
	var out []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for m := 1; m <= 9; m++ {
			v := float64(m) * math.Pow(10, e)
			if v < low || v > high {
				continue
			}
			t := plot.Tick{Value: v}
			if few || m == 1 || m == 2 || m == 5 {
				t.Label = strconv.FormatFloat(v, 'f', max(0, -int(e)), 64)
			}
			out = append(out, t)
		}
	}
	return out
}

// family is the channels that one line joins, in the order of their bytes.
type family struct {
	name   string
	points plotter.XYs
	labels []string
}

func familiesOf(r *eval.Report) []*family {
	var all []*family
	for i := range r.Results {
		x := &r.Results[i]
		if x.Channel == r.Baseline || x.KL.Value <= 0 || x.BytesPerToken <= 0 {
			continue
		}
		name := familyName(x)
		at := slices.IndexFunc(all, func(f *family) bool { return f.name == name })
		if at < 0 {
			at = len(all)
			all = append(all, &family{name: name})
		}
		all[at].points = append(all[at].points, plotter.XY{X: x.BytesPerToken, Y: x.KL.Value})
		all[at].labels = append(all[at].labels, label(x))
	}
	for _, f := range all {
		f.sort()
	}
	return all
}

func (f *family) sort() {
	order := make([]int, len(f.points))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if f.points[a].X < f.points[b].X {
			return -1
		}
		return 1
	})
	points, labels := make(plotter.XYs, len(order)), make([]string, len(order))
	for to, from := range order {
		points[to], labels[to] = f.points[from], f.labels[from]
	}
	f.points, f.labels = points, labels
}

func (f *family) draw(p *plot.Plot, i int) error {
	line, dots, err := plotter.NewLinePoints(f.points)
	if err != nil {
		return err
	}
	line.Color, dots.Color, dots.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
	line.Dashes = plotutil.Dashes(0)
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: f.points, Labels: f.labels})
	if err != nil {
		return err
	}
	labels.Offset = vg.Point{X: vg.Points(5), Y: vg.Points(3)}
	p.Add(line, dots, labels)
	p.Legend.Add(f.name, line, dots)
	return nil
}

// familyName is the codec with what sets it apart but the range, or the backend's own cache.
func familyName(x *eval.Result) string {
	c := x.Codec
	if c == nil {
		return "the backend's own cache"
	}
	name := c.Name
	for _, key := range []string{"scaling", "compat"} {
		if v := c.Params[key]; v != "" && v != "box" {
			name += ", " + v
		}
	}
	if c.Boundary > 0 {
		name += fmt.Sprintf(", boundary %d", c.Boundary)
	}
	return name
}

// label is what sets a channel apart within its family.
func label(x *eval.Result) string {
	if x.Codec == nil {
		if x.KVTypeK == x.KVTypeV {
			return x.KVTypeK
		}
		return x.KVTypeK + "/" + x.KVTypeV
	}
	if q := x.Codec.Params["q"]; q != "" {
		return "q" + q
	}
	return x.Channel
}
