package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/conformance"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

const pluginTestHelp = `Start a plugin as the daemon does and check that it keeps the contract of its kind, promise by promise:
over gRPC, which is the host's way to it, and for codecs and drafters over the link, which is a
backend's. Of a codec that passes, the bytes and the error that it declares are held against what a page
comes to, and its speed is measured.

The report is Markdown, on the standard output or in the file that --out names; what is being checked is
told on the standard error. The exit code is 0 when all promises are kept, and 1 otherwise.

A backend is tested with a model file, --model, and so is a drafter that reads the model that it drafts for.
A plugin that refuses its model or parameters is not tested: what it says is the error. The checks that a
plugin's kind has are documented in core/plugin/KIND/KINDtest.`

func newPluginTest() *cobra.Command {
	var (
		f        pluginFlags
		o        conformance.Options
		params   []string
		types    []string
		out      string
		patience time.Duration
	)
	cmd := &cobra.Command{
		Use:   "test BINARY",
		Short: "Check that a plugin keeps its contract, and report",
		Long:  pluginTestHelp,
		Example: `  kakeyad plugin test ./kakeya-codec-mine --out CONFORMANCE.md
  kakeyad plugin test ./kakeya-codec-mine --param q=10 --head-dim 128
  kakeyad plugin test ./kakeya-backend-mine --model models/SmolLM2-135M-Instruct.Q4_1.gguf
  kakeyad plugin test bin/kakeya-drafter-draft --model large.gguf --param model=$PWD/small.gguf --patience 5m`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Spec, err = f.spec(args[0]); err != nil {
				return err
			}
			if o.Params, err = testParams(o.Spec.Kind, params); err != nil {
				return err
			}
			for _, name := range types {
				t, err := codec.ParseDType(name)
				if err != nil {
					return err
				}
				o.Types = append(o.Types, t)
			}
			o.Patience, o.Logger = patience, pluginLog(cmd)
			o.Progress = func(c conformance.Outcome) { tellOutcome(cmd.ErrOrStderr(), c) }
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return testPlugin(ctx, cmd.OutOrStdout(), out, o)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&params, "param", nil, "a parameter that streams and attachments are opened with, `NAME=VALUE`; may be given several times. A codec gets q=38 unless another q is given, as channels always give one")
	flags.IntSliceVar(&o.HeadDims, "head-dim", nil, "the `SIZES` of vectors that a codec must know; by default 64,128,256")
	flags.StringSliceVar(&types, "type", nil, "the number `FORMATS` that a codec must know; by default f32,f16,bf16")
	flags.StringVar(&o.Model, "model", "", "the model `FILE` that a backend is tested with, or that a drafter is to draft for; ngram needs none")
	flags.DurationVar(&patience, "patience", time.Minute, "the most `TIME` of one check")
	flags.BoolVar(&o.NoSpeed, "no-speed", false, "do not measure the speed")
	flags.StringVar(&out, "out", "", "write the report to `FILE`")
	return cmd
}

// testParams are the parameters that a plugin is opened with.
func testParams(kind base.Kind, list []string) (map[string]string, error) {
	params, err := pairs("--param", list)
	if err != nil || kind != base.KindCodec {
		return params, err
	}
	if params == nil {
		params = make(map[string]string)
	}
	if params["q"] == "" {
		params["q"] = strconv.Itoa(38)
	}
	return params, nil
}

func tellOutcome(w io.Writer, o conformance.Outcome) {
	fmt.Fprintf(w, "%-8s %-5s %s\n", o.State, o.Where, o.Name)
	if o.Why != "" && o.State != conformance.NotRun {
		fmt.Fprintf(w, "         %s\n", o.Why)
	}
}

func testPlugin(ctx context.Context, stdout io.Writer, out string, o conformance.Options) (err error) {
	report, err := conformance.Run(ctx, o)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error { return report.Markdown(w, version) }
	if out == "" {
		err = write(stdout)
	} else {
		err = writeTo(out, write)
	}
	if err != nil {
		return err
	}
	if !report.Passed() {
		return fmt.Errorf("%s breaks its contract: %d checks failed, %d were not run", o.Spec.Path,
			report.Count(conformance.Failed), report.Count(conformance.NotRun))
	}
	return nil
}
