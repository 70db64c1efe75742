package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/eval/evalplot"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

const evalHelp = `Measure what the KV cache of channels costs in quality and takes in bytes.

The texts are cut into windows of --context tokens. The baseline scores every token, then each channel
does, with its codec in mode live: attention reads nothing but what the codec gave back. Printed are the
perplexity and its change against the baseline (paired over tokens, with a 95 % interval), the mean KL
divergence of the distributions, how often both hold the same token likeliest, the bytes a token takes
and the bits of an element in the codec's real frames, and how far its error lies below K and V.

No daemon is needed, and none is disturbed. Models are loaded one after another. While it runs, the
baseline's distributions take two bytes for each token of the vocabulary and each scored token, in a file
in the folder for temporary files: 800 MB for 8,000 tokens of a vocabulary of 49,152.

With --from the results of earlier reports, of the same texts and windows, are taken over; channels that
they have are not measured again, and with nothing to measure they are only shown.`

// evalFlags are those that are not keys of the configuration.
type evalFlags struct {
	texts    []string
	from     []string
	baseline string
	context  int
	windows  int
	json     string
	plot     string
	layers   bool
}

func newEval() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval CHANNEL...",
		Short: "Measure what channels' KV caches cost in quality and take in bytes",
		Long:  evalHelp,
		Example: `  kakeyad eval smollm2-135m@e8-q38 smollm2-135m@e8-q10 --text book.txt
  kakeyad eval smollm2-135m@e8-q10-b2 --text a.txt --text b.txt --windows 8 --json report.json --plot report.svg
  kakeyad eval --from part1.json --from part2.json --plot all.svg`,
		RunE: func(cmd *cobra.Command, args []string) error { return runEval(cmd, f, args) },
	}
	addConfigFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.texts, "text", "t", nil, "`FILE` of UTF-8 text to score; may be given several times")
	flags.StringVar(&f.baseline, "baseline", "", "`CHANNEL` to compare with; by default that of the first channel's model without a codec")
	flags.IntVar(&f.context, "context", 512, "tokens of a window")
	flags.IntVar(&f.windows, "windows", 16, "most windows of each text; 0 is all of it")
	flags.StringVar(&f.json, "json", "", "write the report to `FILE` as JSON; - is the standard output, instead of the table")
	flags.StringVar(&f.plot, "plot", "", "draw quality against bytes into `FILE`, .svg or .png")
	flags.StringArrayVar(&f.from, "from", nil, "take over the results of the report in `FILE`; may be given several times")
	flags.BoolVar(&f.layers, "layers", false, "print the signal to noise ratios of every layer too")
	return cmd
}

func runEval(cmd *cobra.Command, f evalFlags, names []string) error {
	if f.plot != "" {
		if err := evalplot.Check(f.plot); err != nil {
			return err
		}
	}
	earlier, err := readReports(f.from)
	if err != nil {
		return err
	}
	switch {
	case len(names) == 0 && earlier == nil:
		return errors.New("name the channels to evaluate, as `kakeyad list` shows them, or reports to show by --from")
	case len(names) > 0 && len(f.texts) == 0:
		return errors.New("name a text to evaluate with: --text FILE")
	}
	report := earlier
	if len(names) > 0 {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if report, err = measure(ctx, cmd, f, names, earlier); err != nil {
			return err
		}
	}
	return f.show(cmd.OutOrStdout(), report)
}

// readReports reads reports and joins them. Nil: there is none.
func readReports(files []string) (*eval.Report, error) {
	var all *eval.Report
	for _, name := range files {
		r, err := readReport(name)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = r
		} else if err := all.Add(r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func readReport(name string) (*eval.Report, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := eval.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// show writes what was asked for.
func (f evalFlags) show(w io.Writer, r *eval.Report) error {
	if f.plot != "" {
		if err := evalplot.Save(r, f.plot); err != nil {
			return err
		}
	}
	if f.json == "-" {
		return r.Write(w)
	}
	if f.json != "" {
		if err := writeTo(f.json, r.Write); err != nil {
			return err
		}
	}
	if err := r.Table(w); err != nil || !f.layers {
		return err
	}
	return r.Layers(w)
}

// measure evaluates the channels that earlier, which may be nil, does not have.
func measure(ctx context.Context, cmd *cobra.Command, f evalFlags, names []string, earlier *eval.Report) (_ *eval.Report, err error) {
	cfg, err := loadConfig(cmd)
	if err != nil {
		return nil, err
	}
	options := eval.Options{Context: f.context, Windows: f.windows, Version: version}
	for _, name := range names {
		c, err := cfg.Set.Resolve(name)
		if err != nil {
			return nil, err
		}
		if earlier == nil || earlier.Result(c.Name) == nil {
			options.Channels = append(options.Channels, c)
		}
		if options.Baseline == nil {
			if options.Baseline, err = baselineOf(cfg, c, f.baseline); err != nil {
				return nil, err
			}
		}
	}
	if len(options.Channels) == 0 {
		return earlier, nil
	}
	texts, err := readTexts(f.texts)
	if err != nil {
		return nil, err
	}
	for _, t := range texts {
		options.Texts = append(options.Texts, eval.Text(t))
	}
	options.Log, _ = newLogger(evalLog(cfg.Log), cmd.ErrOrStderr())
	h, stop, err := startHost(ctx, cfg, options.Log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	options.Plugins = &evalPlugins{h}
	bar := newStageBar(cmd.ErrOrStderr())
	options.Progress = func(p eval.Progress) {
		bar.begin(p.Channel, fmt.Sprintf("%d of %d: %s", p.Number, p.Of, p.Channel), p.Size, "tokens",
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("tokens"))
		bar.set(p.Tokens)
	}
	report, err := eval.Run(ctx, options)
	bar.clear()
	if err != nil {
		return nil, err
	}
	if earlier != nil {
		err = report.Add(earlier)
	}
	return report, err
}

// baselineOf is the channel that is compared with: the one that was said, or that of c's model and
// backend with nothing else.
func baselineOf(cfg *config.Config, c *channel.Channel, said string) (*channel.Channel, error) {
	if said == "" {
		said = channel.ID{Short: c.ID.Short, Backend: c.ID.Backend}.String()
	}
	base, err := cfg.Set.Resolve(said)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return base, nil
}

// evalLog keeps the log of plugins, which come and go as they should, out of the table's way.
func evalLog(l config.Log) config.Log {
	if l.Level == "info" {
		l.Level = "warn"
	}
	return l
}

// evalPlugins are the host's, as the evaluation has them.
type evalPlugins struct{ host *host.Host }

func (p *evalPlugins) Backend(ctx context.Context, name string) (backend.Backend, error) {
	i, err := p.host.Plugin(ctx, base.KindBackend, name)
	if err != nil {
		return nil, err
	}
	return i.Backend, nil
}

func (p *evalPlugins) Codec(ctx context.Context, name string) (codec.Proxy, error) {
	i, err := p.host.Plugin(ctx, base.KindCodec, name)
	if err != nil {
		return nil, err
	}
	return i.Codec, nil
}
