package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table writes a report for people.
func (r *Report) Table(w io.Writer) error {
	s := r.Settings
	fmt.Fprintf(w, "%d prompts, %d rounds, answers of at most %d tokens; ratios are to %s\n", len(r.Prompts), s.Rounds, s.Tokens, r.Channels[0].Label)
	fmt.Fprintf(w, "intervals hold together at %s (Hodges-Lehmann, signed ranks); Q: quartiles\n\n", percent(100*s.Level))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tmedian\tQ1\tQ3\tratio\tinterval\t\t\n")
	for _, m := range measures {
		fmt.Fprintf(t, "%s\t\t\t\t\t\t\t\n", strings.ToUpper(m.title))
		for i := range r.Channels {
			v := m.into(&r.Channels[i])
			if v.N == 0 {
				fmt.Fprintf(t, "%s\t-\t\t\t\t\t\t\n", r.Channels[i].Label)
				continue
			}
			fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%s\t\n", r.Channels[i].Label, v.Median, v.Low, v.High, v.Ratio.cells())
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	err := r.rows(w, (*Result).quality, "answers equal", "first parts at", "KL nats", "top-1 %", "perplexity", "change %", "95 %", "drafts accepted")
	if err != nil {
		return err
	}
	if err := r.rows(w, (*Result).bytes, "KV B/token", "in f16", "model", "parked B/token", "in f16", "restored B", "tokens", "took", "not computing"); err != nil {
		return err
	}
	for _, p := range r.Processes {
		peak := "not measured on this system"
		if p.PeakBytes > 0 {
			peak = Mebibytes(p.PeakBytes)
		}
		fmt.Fprintf(w, "\npeak memory of %s %s (process %d): %s", p.Kind, p.Name, p.PID, peak)
	}
	fmt.Fprintln(w)
	return r.parts(w)
}

// rows writes a line of cells for each channel.
func (r *Report) rows(w io.Writer, cells func(*Result) []string, head ...string) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\t%s\t\n", strings.Join(head, "\t"))
	for i := range r.Channels {
		fmt.Fprintf(t, "%s\t%s\t\n", r.Channels[i].Label, strings.Join(cells(&r.Channels[i]), "\t"))
	}
	return t.Flush()
}

// parts writes where answers part, and notes.
func (r *Report) parts(w io.Writer) error {
	for i := range r.Channels {
		c := &r.Channels[i]
		if !c.Steady {
			fmt.Fprintf(w, "\n%s: its own greedy answers were not the same in every round\n", c.Label)
		}
		for _, n := range c.Notes {
			fmt.Fprintf(w, "\n%s: %s\n", c.Label, n)
		}
		if c.Outputs == nil {
			continue
		}
		for k, p := range c.Outputs.Parts {
			if k == shownParts {
				fmt.Fprintf(w, "  and %d more, in the report\n", len(c.Outputs.Parts)-k)
				break
			}
			where := fmt.Sprintf("token %d", p.Token)
			if p.Token < 0 {
				where = fmt.Sprintf("byte %d", p.At)
			}
			fmt.Fprintf(w, "\n%s, %s, from %s on:\n  %q\n  %s: %q\n  %s: %q\n", c.Label, r.Prompts[p.Prompt].Name, where,
				p.Before, r.Channels[0].Label, p.Baseline, c.Label, p.Own)
		}
	}
	return nil
}

// shownParts is how many parting answers of a channel the table shows.
const shownParts = 3

func (r *Ratio) cells() string {
	switch {
	case r == nil:
		return "\t\t"
	case r.Verdict == TooFew:
		return fmt.Sprintf("%.3f\t-\t%s", r.Value, r.Verdict)
	}
	return fmt.Sprintf("%.3f\t%.3f to %.3f\t%s", r.Value, r.Low, r.High, r.Verdict)
}

func (r *Result) quality() []string {
	out := []string{"-", "-", "-", "-", "-", "-", "-", "-"}
	if o := r.Outputs; o != nil {
		out[0] = fmt.Sprintf("%d of %d", o.Equal, o.Of)
		if at, ok := o.earliest(); ok {
			out[1] = fmt.Sprint(at)
		}
	}
	if a := r.Agreement; a != nil {
		out[2] = fmt.Sprintf("%.5f ± %.5f", a.KL.Value, a.KL.Error)
		out[3] = fmt.Sprintf("%.1f ± %.1f", a.Top1.Value, a.Top1.Error)
	}
	if p := r.Perplexity; p != nil {
		out[4] = fmt.Sprintf("%.3f ± %.3f", p.Value.Value, p.Value.Error)
		if p.Change != nil {
			out[5] = fmt.Sprintf("%+.2f", p.Change.Percent)
			out[6] = fmt.Sprintf("%+.2f to %+.2f", p.Change.Low, p.Change.High)
		}
	}
	if d := r.Draft; d != nil {
		out[7] = fmt.Sprintf("%.0f %% of %d", d.Percent, d.Drafted)
	}
	return out
}

// earliest is the first token at which an answer parts from the baseline's.
func (o *Outputs) earliest() (at int, ok bool) {
	for _, p := range o.Parts {
		if p.Token >= 0 && (!ok || p.Token < at) {
			at, ok = p.Token, true
		}
	}
	return at, ok
}

func (r *Result) bytes() []string {
	out := []string{fmt.Sprintf("%.0f", r.KV.BytesPerToken), fmt.Sprintf("%.0f", r.KV.NominalPerToken), Mebibytes(r.Memory.Total()), "-", "-", "-", "-", "-", "-"}
	p := r.Parking
	if p == nil {
		return out
	}
	if p.ParkedTokens > 0 {
		out[3] = fmt.Sprintf("%.0f", p.BytesPerToken())
		out[4] = fmt.Sprintf("%.0f", float64(p.NominalBytes)/float64(p.ParkedTokens))
	}
	out[5], out[6] = fmt.Sprint(p.RestoredBytes), fmt.Sprintf("%d of %d", p.RestoredTokens, p.Tokens)
	out[7], out[8] = fmt.Sprintf("%.1f ms", p.RestoreMS), fmt.Sprintf("%.1f ms", p.ComputeMS)
	return out
}

// Mebibytes are bytes for people.
func Mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func percent(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.4g", v), ".") + " %" }
