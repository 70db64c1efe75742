package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/compare/comparehtml"
	comparebench "github.com/kakeyad/kakeyad/core/compare/measure"
	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/session"
)

const compareHelp = `Ask several channels the same prompts, in turns and several rounds of them, and say which differences
are real. The first channel is the baseline. docs/compare.md says what each number means.

No daemon is needed; with --url, a running one compares its own channels. Let nothing else use the machine
meanwhile. All channels' models are loaded at once, and must fit into the memory that the configuration gives.

--fail-if takes a condition over metrics, such as 'ppl_delta_pct > 1' or
'generation_ratio_high < 0.95 && kl > 0.01'. Metrics:

%s
The command ends with 0 when no condition holds, with 3 when one does, with 1 on any error: a metric
in a condition that was not measured is one.`

// compareFlags are those that are not keys of the configuration.
type compareFlags struct {
	file, prompt string
	perKind      int
	text         string
	json, html   string
	failIf       []string
	options      compare.Options
}

func newCompare() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare BASELINE CHANNEL...",
		Short: "Measure channels side by side and say which differences are real",
		Long:  fmt.Sprintf(compareHelp, metricList()),
		Example: `  kakeyad compare smollm2-135m smollm2-135m+ngram
  kakeyad compare smollm2-135m smollm2-135m@e8-q38 smollm2-135m@e8-q10 --text book.txt --html report.html
  kakeyad compare smollm2-135m smollm2-135m@e8-q38 --prompts mine.jsonl --text book.txt --fail-if 'ppl_delta_pct > 1'`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: completeChannels,
		RunE:              func(cmd *cobra.Command, args []string) error { return runCompare(cmd, f, args) },
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	flags := cmd.Flags()
	flags.Lookup("url").Usage = "`URL` of a running daemon that is to compare; by default none is asked"
	flags.StringVarP(&f.file, "prompts", "p", "", "JSONL `FILE` of prompts: texts, or objects with prompt or messages")
	flags.StringVar(&f.prompt, "prompt", "", "ask only this `TEXT`")
	flags.IntVar(&f.perKind, "per-kind", compare.DefaultPerKind, "built-in prompts of each of the four kinds, where none are given")
	flags.IntVar(&f.options.Rounds, "rounds", compare.DefaultRounds, "how often every prompt is asked of every channel")
	flags.IntVar(&f.options.Tokens, "tokens", compare.DefaultTokens, "most tokens of an answer")
	flags.Float64Var(&f.options.Level, "level", compare.DefaultLevel, "at which all intervals of speed hold together")
	flags.Uint64Var(&f.options.Seed, "seed", 0, "of the order in which channels take turns; 0 draws one")
	flags.StringVarP(&f.text, "text", "t", "", "`FILE` of UTF-8 text for perplexity")
	flags.IntVar(&f.options.Context, "context", compare.DefaultContext, "tokens of a window of the text")
	flags.IntVar(&f.options.Windows, "windows", compare.DefaultWindows, "most windows of the text")
	flags.BoolVar(&f.options.NoScores, "no-scores", false, "leave out distributions: no KL, no top-1 agreement, no perplexity")
	flags.StringVar(&f.json, "json", "", "write the report to `FILE` as JSON; - is the standard output, instead of the table")
	flags.StringVar(&f.html, "html", "", "write the report to `FILE` as a page that needs nothing else")
	flags.StringArrayVar(&f.failIf, "fail-if", nil, "end with 3 if `CONDITION` holds of a channel; may be given several times")
	cmd.MarkFlagsMutuallyExclusive("prompts", "prompt")
	cmd.MarkFlagsMutuallyExclusive("text", "no-scores")
	return cmd
}

func metricList() string {
	var out strings.Builder
	for _, m := range compare.Metrics() {
		fmt.Fprintf(&out, "  %-24s%s\n", m.Name, m.Means)
	}
	return out.String()
}

// conditionError is a --fail-if that holds.
type conditionError struct{ failures []compare.Failure }

// ExitCode tells main how the command ends.
func (conditionError) ExitCode() int { return 3 }

func (e conditionError) Error() string {
	var out []string
	for _, f := range e.failures {
		out = append(out, f.String())
	}
	return strings.Join(out, "; ")
}

func runCompare(cmd *cobra.Command, f compareFlags, names []string) error {
	var conditions []*compare.Condition
	for _, text := range f.failIf {
		c, err := compare.ParseCondition(text)
		if err != nil {
			return err
		}
		conditions = append(conditions, c)
	}
	if err := f.read(); err != nil {
		return err
	}
	cfg, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var report *compare.Report
	if cmd.Flags().Changed("url") {
		report, err = compareThere(ctx, cmd, cfg, names, f.options)
	} else {
		report, err = compareHere(ctx, cmd, cfg, names, f.options)
	}
	if err != nil {
		return err
	}
	if err := f.show(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	failures, err := report.Holds(conditions)
	if err == nil && len(failures) > 0 {
		err = conditionError{failures}
	}
	return err
}

// read fills in the options from the flags and the files that they name.
func (f *compareFlags) read() (err error) {
	f.options.Version = version
	if f.options.Seed == 0 {
		f.options.Seed = rand.Uint64()
	}
	if f.text != "" {
		body, err := os.ReadFile(f.text)
		if err != nil {
			return err
		}
		f.options.Text, f.options.TextName = string(body), filepath.Base(f.text)
	}
	switch {
	case f.prompt != "":
		f.options.Prompts = []compare.Prompt{compare.TextPrompt("prompt", f.prompt)}
	case f.file != "":
		file, err := os.Open(f.file)
		if err != nil {
			return err
		}
		defer file.Close()
		if f.options.Prompts, err = compare.ReadPrompts(file); err != nil {
			return fmt.Errorf("%s: %w", f.file, err)
		}
	default:
		f.options.Prompts, err = compare.BuiltIn(f.perKind)
	}
	return err
}

func (f *compareFlags) show(w io.Writer, r *compare.Report) error {
	if f.html != "" {
		if err := writeTo(f.html, func(w io.Writer) error { return comparehtml.Write(w, r) }); err != nil {
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
	return r.Table(w)
}

// compareHere compares channels of the configuration.
func compareHere(ctx context.Context, cmd *cobra.Command, cfg *config.Config, names []string, o compare.Options) (*compare.Report, error) {
	for _, name := range names {
		c, err := cfg.Set.Resolve(name)
		if err != nil {
			return nil, err
		}
		o.Channels = append(o.Channels, c.Name)
	}
	return compareNow(ctx, cmd.ErrOrStderr(), cfg, o)
}

// compareNow compares with plugins of its own, which end with it.
func compareNow(ctx context.Context, progress io.Writer, cfg *config.Config, o compare.Options) (_ *compare.Report, err error) {
	log, _ := newLogger(evalLog(cfg.Log), progress)
	h, stop, err := startHost(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	store, err := session.Open(session.Options{Logger: log}) // in memory
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r, err := router.New(router.Options{
		Plugins: plugins{h}, Sessions: store,
		Pool: poolOptions(cfg),
		Set:  cfg.Set, Logger: log,
		CallTimeout: time.Duration(cfg.Plugins.CallTimeout),
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		last, done := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(cfg.Pool.UnloadTimeout))
		defer done()
		err = errors.Join(err, r.Close(last))
	}()
	bench := comparebench.New(r, func() []comparebench.Process { return processesOf(h) })
	defer bench.Close()
	o.Bench = bench
	var done func()
	o.Progress, done = comparisonBar(progress)
	defer done()
	return compare.Run(ctx, o)
}

// comparisonBar shows how far a comparison has come.
func comparisonBar(w io.Writer) (show func(compare.Progress), done func()) {
	bar := newStageBar(w)
	return func(p compare.Progress) {
		bar.begin(p.Stage, p.Stage, p.All, "steps")
		bar.describe(p.Stage + " " + p.Channel)
		bar.set(p.Done)
	}, bar.clear
}

func processesOf(h *host.Host) []comparebench.Process {
	var out []comparebench.Process
	for _, s := range h.Status() {
		out = append(out, comparebench.Process{Kind: string(s.Kind), Name: s.Name, PID: s.PID, RSS: s.RSS})
	}
	return out
}
