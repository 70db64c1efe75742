package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/core/calibrate"
	"github.com/kakeyad/kakeyad/core/channel"
)

// showCalibration says what there is and how to use it.
func showCalibration(w io.Writer, c *channel.Channel, f calibrateFlags, r *calibrate.Report, took time.Duration) error {
	fewer := ""
	if r.Windows < f.options.Windows {
		fewer = " (the texts have no more)"
	}
	fmt.Fprintf(w, "%s: %.1f MB, learned from %d windows%s in %v\n", f.options.Out, float64(r.Bytes)/1e6, r.Windows, fewer, took.Round(time.Second))
	if r.Off != nil {
		fmt.Fprintf(w, "the backend and torch differ by %.3f nats a token in the mean\n", *r.Off)
	}
	fmt.Fprintf(w, "\nBits of an element of K and V, where f16 has 16: of the tokens learned from, by form, and of %d others:\n\n", r.Measured)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "q\tPAGE\tRANDOM\tMEASURED\tBITS\tKL\tΔPPL %\tTOP-1 %\t")
	for _, rate := range r.Rates {
		head, measured := fmt.Sprintf("%d\t%.2f\t%.2f", rate.Q, rate.Page, rate.Random), false
		for _, m := range r.CalibrateResult.Measured {
			if m.Step == rate.Step {
				fmt.Fprintf(table, "%s\t%s\t%.2f\t%.5f\t%+.2f\t%.1f\t\n", head, m.Form, m.Bits, m.KL, m.DPPL, m.Top1)
				head, measured = "\t\t", true
			}
		}
		if !measured {
			fmt.Fprintf(table, "%s\t\t\t\t\t\t\n", head)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.Work != "" {
		fmt.Fprintf(w, "\nwhat was learned on the way is kept in %s\n", r.Work)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", howToUse(c, f, r))
	return err
}

// howToUse names a channel with the calibration, at a middling rate.
func howToUse(c *channel.Channel, f calibrateFlags, r *calibrate.Report) string {
	if len(r.Rates) == 0 {
		return "it has no rates"
	}
	q := r.Rates[len(r.Rates)/3].Q
	if f.codec == defaultCalibrated && f.options.Out == besideModel(c) {
		return fmt.Sprintf("Lying beside the model, it is found for any channel such as %s@%s-q%d.", c.Model.Short, f.codec, q)
	}
	return fmt.Sprintf("A channel that uses it:\n\n  channels:\n    %s-small: {model: %s, codec: {name: %s, q: %d, params: {calibration: %s}}}",
		c.Model.Short, c.Model.Short, f.codec, q, f.options.Out)
}
