package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/calibrate"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

const (
	defaultCalibrated = "e8k"
	calibrationSuffix = "." + defaultCalibrated // takes the place of .gguf in the name of a model's calibration
)

// besideModel is where the codec looks for a model's calibration.
func besideModel(c *channel.Channel) string {
	return strings.TrimSuffix(c.Model.Path, ".gguf") + calibrationSuffix
}

const calibrateHelp = `Learn a model, so that the codec e8k packs its KV cache in a third of the bits that e8 takes: means, predictors
from layer to layer, transforms that put bits where the model is sensitive, distributions. Written is one file
beside the model. docs/calibrated.md says what is learned and what it brings.

The texts should be as mixed as what is to come: prose, manuals, code, each language. Breadth matters more than
length: windows of 512 tokens are taken from all over each text, as many of one as of another. Two windows are held
out and measured with, unless --measure names other texts.

It takes Python 3.10 or later with torch, numpy and gguf:

  python3 -m venv venv && venv/bin/pip install torch numpy gguf
  kakeyad calibrate CHANNEL --text FILE --python venv/bin/python

What is known so far is kept: the same command goes on where an earlier one was stopped. On the way it takes 16 bytes
of disk for each element of K and V (2 GB for 18,432 tokens of SmolLM2-135M) in the cache, or in --work, and memory for
the model's weights in 32-bit floats.`

// calibrateFlags are those that are not keys of the configuration.
type calibrateFlags struct {
	texts, measure []string
	out, codec     string
	force          bool
	options        calibrate.Options
}

func newCalibrate() *cobra.Command {
	var f calibrateFlags
	cmd := &cobra.Command{
		Use:   "calibrate CHANNEL",
		Short: "Learn a model for the codec e8k",
		Long:  calibrateHelp,
		Example: `  kakeyad calibrate smollm2-135m --text novel.txt --text manual.txt --text code.py
  kakeyad calibrate smollm2-135m --text novel.txt --windows 72 --measure other.txt --work kept`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeChannels,
		RunE:              func(cmd *cobra.Command, args []string) error { return runCalibrate(cmd, f, args[0]) },
	}
	addConfigFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.texts, "text", "t", nil, "`FILE` of UTF-8 text to learn from; may be given several times")
	flags.StringVarP(&f.out, "out", "o", "", "`FILE` to write; by default the model's, with "+calibrationSuffix+" for .gguf")
	flags.BoolVar(&f.force, "force", false, "replace a calibration that is there; what is parked under it can then not be read")
	flags.IntVar(&f.options.Windows, "windows", calibrate.DefaultWindows, "windows of 512 tokens to learn from, of all texts together")
	flags.StringArrayVar(&f.measure, "measure", nil, "`FILE` of text to measure with instead of windows held out; may be given several times")
	flags.IntVar(&f.options.MeasureWindows, "measure-windows", 2, "windows of each text of --measure")
	flags.IntVar(&f.options.MeasureContext, "measure-context", calibrate.Window, "tokens of a window of --measure")
	flags.StringVar(&f.options.Python, "python", "python3", "the Python `INTERPRETER` that has torch, numpy and gguf")
	flags.IntVar(&f.options.Threads, "threads", 0, "threads that compute; 0: as many as the process may use")
	flags.StringVar(&f.options.Work, "work", "", "`FOLDER` that keeps what is known so far, also when all is done; by default one in the cache, removed then")
	flags.StringVar(&f.codec, "codec", defaultCalibrated, "`NAME` of the codec that learns")
	return cmd
}

func runCalibrate(cmd *cobra.Command, f calibrateFlags, name string) error {
	if len(f.texts) == 0 {
		return errors.New("name texts to learn from: --text FILE")
	}
	if f.options.Windows < calibrate.LeastWindows || f.options.MeasureWindows < 1 || f.options.MeasureContext < 8 {
		return fmt.Errorf("--windows and --measure-context are at least %d, --measure-windows at least 1", calibrate.LeastWindows)
	}
	cfg, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	c, err := cfg.Set.Resolve(name)
	if err != nil {
		return err
	}
	if err := f.read(cmd.ErrOrStderr(), cfg, c); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	began := time.Now()
	report, err := f.learn(ctx, cmd.ErrOrStderr(), cfg)
	if ctx.Err() != nil {
		return errors.New("stopped; the same command goes on from here")
	}
	if err != nil {
		return err
	}
	return showCalibration(cmd.OutOrStdout(), c, f, report, time.Since(began))
}

// read fills in the options from the flags and the files that they name.
func (f *calibrateFlags) read(warn io.Writer, cfg *config.Config, c *channel.Channel) (err error) {
	if c.Model.Missing {
		return fmt.Errorf("channel %s: there is no model file %s", c.Name, c.Model.Path)
	}
	o := &f.options
	o.Channel = c
	if o.Out, err = filepath.Abs(f.out); err != nil {
		return err
	}
	if f.out == "" {
		o.Out = besideModel(c)
	}
	if _, err := os.Stat(o.Out); err == nil && !f.force {
		return fmt.Errorf("%s is there already: --force replaces it, --out names another file", o.Out)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if o.Work != "" {
		if o.Work, err = filepath.Abs(o.Work); err != nil {
			return err
		}
	}
	if o.Texts, err = readTexts(f.texts); err != nil {
		return err
	}
	if o.Measure, err = readTexts(f.measure); err != nil {
		return err
	}
	for _, t := range o.Texts {
		if calibrate.Measured(t.Body) {
			fmt.Fprintf(warn, "warning: %s has passages of bench/texts, which e8k is measured with: figures of this calibration on them would flatter it\n", t.Name)
		}
	}
	log, _ := newLogger(evalLog(cfg.Log), warn)
	all, err := host.Find(hostOptions(cfg, log))
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Kind == base.KindCodec && s.Name == f.codec {
			o.Codec = s
			return nil
		}
	}
	return fmt.Errorf("there is no codec %s in %s", f.codec, cfg.Plugins.Dir)
}

func readTexts(names []string) (out []calibrate.Text, err error) {
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, calibrate.Text{Name: filepath.Base(name), Body: string(body)})
	}
	return out, nil
}

// learn starts what plugins are needed and shows how far it is.
func (f *calibrateFlags) learn(ctx context.Context, w io.Writer, cfg *config.Config) (_ *calibrate.Report, err error) {
	log, _ := newLogger(evalLog(cfg.Log), w)
	h, stop, err := startHost(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	instance, err := h.Plugin(ctx, base.KindCodec, f.codec)
	if err != nil {
		return nil, err
	}
	if !instance.Info.Has(codec.CapCalibrate) {
		return nil, fmt.Errorf("codec %s: %w: it learns no models", f.codec, base.ErrUnsupported)
	}
	f.options.Backend = (&evalPlugins{h}).Backend
	bar := newStageBar(w)
	defer bar.clear()
	f.options.Progress = func(p calibrate.Progress) {
		s := calibrateStages[p.Stage]
		bar.begin(string(p.Stage), s.title, p.All, s.unit)
		bar.set(p.Done)
	}
	return calibrate.Run(ctx, f.options)
}

var calibrateStages = map[calibrate.Stage]struct{ title, unit string }{
	calibrate.StageTokens:  {"1 of 5: making tokens of the texts", "steps"},
	calibrate.StageRead:    {"2 of 5: reading the model", "model"},
	calibrate.StageGather:  {"3 of 5: what the model is sensitive to", "windows"},
	calibrate.StageLearn:   {"4 of 5: learning", "layers"},
	calibrate.StageMeasure: {"5 of 5: measuring", "rates"},
}
