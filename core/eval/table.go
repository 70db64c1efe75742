package eval

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table writes a report for people.
func (r *Report) Table(w io.Writer) error {
	fmt.Fprintf(w, "%d tokens in windows of %d; baseline %s\n\n", r.Tokens, r.Context, r.Baseline)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "channel\tB/token\tbits\tpages\tfixed\tperplexity\tchange %\t95 %\tKL\ttop-1 %\tSNR K dB\tSNR V dB\t")
	for _, x := range r.Results {
		pages, fixed, k, v := "-", "-", "-", "-"
		if c := x.Codec; c != nil {
			pages = fmt.Sprintf("%.3f", c.Bits)
			if c.FixedBits != nil {
				fixed = fmt.Sprintf("%.3f", *c.FixedBits)
			}
			k = span(c.SNR, func(l LayerSNR) *float64 { return l.K })
			v = span(c.SNR, func(l LayerSNR) *float64 { return l.V })
		}
		change, interval, kl, top := "-", "-", "-", "-"
		if x.Channel != r.Baseline {
			change = fmt.Sprintf("%+.2f", x.Delta.Percent)
			interval = fmt.Sprintf("%+.2f to %+.2f", x.Delta.Low, x.Delta.High)
			kl = fmt.Sprintf("%.5f ± %.5f", x.KL.Value, x.KL.Error)
			top = fmt.Sprintf("%.1f ± %.1f", x.Top1.Value, x.Top1.Error)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.2f\t%s\t%s\t%.3f ± %.3f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", x.Channel, x.BytesPerToken, x.BitsPerElement,
			pages, fixed, x.Perplexity.Value, x.Perplexity.Error, change, interval, kl, top, k, v)
	}
	return t.Flush()
}

// Layers writes the signal to noise ratios of each layer.
func (r *Report) Layers(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, x := range r.Results {
		if x.Codec == nil {
			continue
		}
		fmt.Fprintf(t, "\n%s\tlayer\tK dB\tV dB\t\n", x.Channel)
		for _, l := range x.Codec.SNR {
			fmt.Fprintf(t, "\t%d\t%s\t%s\t\n", l.Layer, decibelText(l.K), decibelText(l.V))
		}
	}
	return t.Flush()
}

// span is the smallest and the largest ratio of all layers.
func span(layers []LayerSNR, of func(LayerSNR) *float64) string {
	var low, high *float64
	for _, l := range layers {
		db := of(l)
		if db == nil {
			continue
		}
		if low == nil || *db < *low {
			low = db
		}
		if high == nil || *db > *high {
			high = db
		}
	}
	if low == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f to %.1f", *low, *high)
}

func decibelText(db *float64) string {
	if db == nil {
		return "exact"
	}
	return fmt.Sprintf("%.1f", *db)
}
