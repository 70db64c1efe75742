package conformance

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
)

// Report is what was found of a plugin.
type Report struct {
	Info     base.Info
	SHA256   string            // of its binary
	Params   map[string]string // that it was opened with
	Outcomes []Outcome         // in the order of the checks
	Died     bool              // while it was tested

	// Of a codec that passed, over the link.
	Pages  []codectest.MeasuredPage
	Speeds []codectest.Speed // none: not measured
}

// Count is how many checks ended so.
func (r *Report) Count(s State) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.State == s {
			n++
		}
	}
	return n
}

// Passed says that all checks ran which apply, and none failed.
func (r *Report) Passed() bool {
	return len(r.Outcomes) > 0 && r.Count(Failed) == 0 && r.Count(NotRun) == 0
}

// Markdown writes the report for people: what an author puts into a README. The daemon's version is
// the tester's.
func (r *Report) Markdown(w io.Writer, daemon string) error {
	var b strings.Builder
	verdict := "**Passed**"
	if !r.Passed() {
		verdict = "**Failed**"
	}
	fmt.Fprintf(&b, "# Conformance of %s %s, a %s plugin\n\n", r.Info.Name, r.Info.Version, r.Info.Kind)
	fmt.Fprintf(&b, "%s: %d of %d checks are kept, %d failed, %d do not apply, %d were not run.\n\n", verdict,
		r.Count(OK), len(r.Outcomes), r.Count(Failed), r.Count(Skipped), r.Count(NotRun))
	fmt.Fprintf(&b, "Plugin API %d, tested by kakeyad %s on %s/%s with %d cores, parameters %s.\nSHA-256 of the binary: `%s`\n",
		base.APIVersion, daemon, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), paramText(r.Params), r.SHA256)
	r.failures(&b)
	r.pages(&b)
	r.speeds(&b)
	r.checks(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func paramText(params map[string]string) string {
	if len(params) == 0 {
		return "none"
	}
	text := fmt.Sprint(params) // sorted
	return "`" + strings.TrimSuffix(strings.TrimPrefix(text, "map["), "]") + "`"
}

func (r *Report) failures(b *strings.Builder) {
	if r.Passed() {
		return
	}
	b.WriteString("\n## What is wrong\n\n")
	for _, o := range r.Outcomes {
		if o.State == Failed {
			fmt.Fprintf(b, "- `%s` over the %s. %s Instead: %s\n", o.Name, o.Where, o.Doc, indented(o.Why))
		}
	}
	if r.Died {
		b.WriteString("- The process ended while it was tested.\n")
	}
}

// indented keeps the lines of a text within a list's entry.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }

func (r *Report) pages(b *strings.Builder) {
	if len(r.Pages) == 0 {
		return
	}
	b.WriteString("\n## Bytes and error\n\nA page of 64 tokens of N(0,1), all layers, keys and values. Bits are of one element, everything counted;\n" +
		"the error is the squared error over the squares.\n\n" +
		"| head_dim | type | format | bits declared | bits kept | error bound | error kept | affine form |\n|---|---|---|---|---|---|---|---|\n")
	for _, p := range r.Pages {
		affine := "no"
		if a := p.Declared.Affine; a != nil {
			affine = fmt.Sprintf("z from %d to %d, over %d", a.Min, a.Max, a.Denominator)
		}
		fmt.Fprintf(b, "| %d | %v | `%s` | %.4g | %.4g | %.3g | %.3g | %s |\n", p.Shape.HeadDim, p.Shape.Type, p.Declared.Format,
			p.Declared.Bits, p.Measured.Bits, p.Declared.ErrorBound, p.Measured.Loss, affine)
	}
}

var speedNames = map[string]string{
	"live/step":   "decode step, one layer's key and value of a token",
	"live/prompt": "the same of a prompt of 512 tokens",
	"page/encode": "pack a page of 64 tokens",
	"page/decode": "restore it",
}

func (r *Report) speeds(b *strings.Builder) {
	if len(r.Speeds) == 0 {
		return
	}
	shape := codectest.BenchmarkShape
	fmt.Fprintf(b, "\n## Speed\n\nThrough the link's shared memory, %d layers of %d heads of %d, %v. One run on this machine: compare within it only.\n\n"+
		"| | a call | median | 99 %% | vectors/s | MB/s |\n|---|---|---|---|---|---|\n", shape.Layers, shape.KVHeads, shape.HeadDim, shape.Type)
	for _, s := range r.Speeds {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %.3g | %.3g |\n", speedNames[s.Name], short(s.Call), short(s.P50), short(s.P99),
			s.VectorsPerSec, s.BytesPerSec/1e6)
	}
}

// short is a duration of three digits.
func short(d time.Duration) string {
	if d == 0 {
		return ""
	}
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

func (r *Report) checks(b *strings.Builder) {
	ways := []string{byGRPC, byLink}
	states, docs := map[string]map[string]State{}, map[string]string{}
	var names []string
	for _, o := range r.Outcomes {
		if states[o.Name] == nil {
			states[o.Name] = map[string]State{}
			names = append(names, o.Name)
		}
		states[o.Name][o.Where], docs[o.Name] = o.State, o.Doc
	}
	fmt.Fprintf(b, "\n## Checks\n\n| check | promise | %s |\n|---|---|---|---|\n", strings.Join(ways, " | "))
	for _, name := range names {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, docs[name], states[name][byGRPC], states[name][byLink])
	}
}
