package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/draftbench"
)

func newBench() *cobra.Command {
	o := draftbench.Options{Prompts: 10, Tokens: 128, Streams: 1}
	var (
		drafters bool
		names    []string
		plot     string
		asJSON   bool
		kinds    []string
	)
	cmd := &cobra.Command{
		Use:   "bench CHANNEL --drafters",
		Short: "Measure what drafters bring to a channel of a running daemon",
		Long: `Ask a running daemon the same prompts of a channel without a drafter and with each, in turns, and
compare: the answers token for token, and how fast they are generated. The prompts are of four kinds:
chat, summarising, editing code, structured output. Let nothing else use the machine.

With --streams above 1 the prompts of a channel are answered together: that is for comparing the
answers, as the speed of one says little then.`,
		Example: `  kakeyad bench smollm2-135m --drafters
  kakeyad bench smollm2-135m --drafters --names ngram --prompts 50 --streams 8
  kakeyad bench smollm2-135m --drafters --plot drafters.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !drafters {
				return errors.New("say what to measure: --drafters")
			}
			if o.URL == "" {
				cfg, err := loadConfig(cmd)
				if err != nil {
					return err
				}
				o.URL = "http://" + cfg.Listen
			}
			o.URL, o.Channel, o.Drafters = strings.TrimSuffix(o.URL, "/"), args[0], names
			for _, k := range kinds {
				o.Kinds = append(o.Kinds, draftbench.Kind(k))
			}
			o.Key = os.Getenv("KAKEYAD_API_KEY")
			o.Progress = func(done, all int) { fmt.Fprintf(cmd.ErrOrStderr(), "\r%d of %d prompts", done, all) }
			results, err := draftbench.Run(cmd.Context(), o)
			fmt.Fprintln(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if plot != "" {
				if err := writeTo(plot, func(w io.Writer) error { return draftbench.Plot(w, results) }); err != nil {
					return err
				}
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(results)
			}
			return draftbench.Table(cmd.OutOrStdout(), results)
		},
	}
	addConfigFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&drafters, "drafters", false, "measure drafters")
	flags.StringSliceVar(&names, "names", []string{"ngram"}, "which `drafters`")
	flags.StringSliceVar(&kinds, "kinds", nil, "only these `kinds` of prompts: chat, summarising, editing code, structured output")
	flags.IntVar(&o.Prompts, "prompts", o.Prompts, "prompts of each kind, at most 50")
	flags.IntVar(&o.Tokens, "tokens", o.Tokens, "most tokens of an answer")
	flags.IntVar(&o.Streams, "streams", o.Streams, "answers at once")
	flags.StringVar(&plot, "plot", "", "write the ratios to an SVG `FILE`")
	flags.BoolVar(&asJSON, "json", false, "print the results as JSON")
	flags.StringVar(&o.URL, "url", "", "`URL` of the daemon; by default the address that the configuration serves")
	return cmd
}
