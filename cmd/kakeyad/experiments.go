package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/experiment"
)

const pathExperiments = "/v1/kakeya/experiments"

func newExperiments() *cobra.Command {
	var asJSON, reset bool
	cmd := &cobra.Command{
		Use:   "experiments [NAME]",
		Short: "Show what channels that are two have come to, in a running daemon",
		Long: `Show what channels that are two (ab in the configuration) have come to: how the second compares with the
first on the requests that were served anyway. The intervals hold however often one looks; docs/experiments.md says
what each figure means. The daemon is asked at --url, by default at the address that the configuration serves.`,
		Example: "  kakeyad experiments\n  kakeyad experiments default --json\n  kakeyad experiments default --reset",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reset && len(args) == 0 {
				return errors.New("--reset needs the name of an experiment")
			}
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			daemon, err := findRemote(cmd, cfg)
			if err != nil {
				return err
			}
			body, err := askExperiments(cmd.Context(), daemon, args, reset)
			if err != nil {
				return err
			}
			if asJSON {
				_, err := cmd.OutOrStdout().Write(append(body, '\n'))
				return err
			}
			return experimentTables(cmd.OutOrStdout(), body, len(args) > 0, time.Now())
		},
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's answer as it is")
	cmd.Flags().BoolVar(&reset, "reset", false, "forget what the experiment NAME has come to; it begins anew")
	return cmd
}

func askExperiments(ctx context.Context, daemon *remote, args []string, reset bool) (body []byte, err error) {
	path := pathExperiments
	if len(args) > 0 {
		path += "/" + (&url.URL{Path: args[0]}).EscapedPath()
	}
	if !reset {
		err = daemon.ask(ctx, path, nil, &body)
		return body, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err = daemon.send(ctx, http.MethodDelete, path, nil, &body)
	return body, err
}

// experimentTables prints the endpoint's answer for people: of all experiments, or of one.
func experimentTables(w io.Writer, body []byte, one bool, now time.Time) error {
	var all struct {
		Experiments []experiment.Report `json:"experiments"`
	}
	var err error
	if one {
		all.Experiments = make([]experiment.Report, 1)
		err = json.Unmarshal(body, &all.Experiments[0])
	} else {
		err = json.Unmarshal(body, &all)
	}
	if err != nil {
		return errors.Join(errors.New("the daemon's answer is not understood; is it a kakeyad of this version?"), err)
	}
	if len(all.Experiments) == 0 {
		_, err := fmt.Fprintln(w, "no experiments: an experiment is a channel with ab in the configuration")
		return err
	}
	for i, r := range all.Experiments {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := experimentTable(w, &r, now); err != nil {
			return err
		}
	}
	return nil
}

func experimentTable(w io.Writer, r *experiment.Report, now time.Time) error {
	how := fmt.Sprintf("b answers %.4g %% by %s", 100*r.Split, r.Sticky)
	if r.Shadow != nil {
		how = "b answers unseen"
	}
	fmt.Fprintf(w, "%s: %s, for %s\n", r.Name, how, now.Sub(r.Since).Round(time.Second))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ARM\tCHANNEL\tREQUESTS\tFAILED\tCANCELLED\tFIRST TOKEN\tTOKENS/S")
	armRow(table, "a", &r.A)
	armRow(table, "b", &r.B)
	if err := table.Flush(); err != nil {
		return err
	}
	if s := r.Shadow; s != nil {
		fmt.Fprintf(w, "%d compared, %d given up for others, %d dropped, %d of a kind that is not compared\n", s.Compared, s.Censored, s.Dropped, s.Skipped)
	}
	if r.Watched > 0 {
		fmt.Fprintf(w, "%d more are watched for %v each before they count\n", r.Watched, experiment.Window)
	}
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "METRIC\tN\tB AGAINST A\tINTERVAL (%.3g %%, ALL TOGETHER, AT EVERY LOOK)\tFINDING\n", 100*r.Level)
	for _, m := range r.Metrics {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", m.Name, m.N, figureOf(&m, m.Value), intervalOf(&m), findingOf(&m))
	}
	return table.Flush()
}

func armRow(w io.Writer, name string, a *experiment.ArmReport) {
	or := func(v *float64, format string) string {
		if v == nil {
			return "-"
		}
		return fmt.Sprintf(format, *v)
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", name, a.Channel, a.Requests, a.Failed, a.Cancelled,
		or(a.FirstTokenMS, "%.0f ms"), or(a.TokensPerSecond, "%.1f"))
}

func figureOf(m *experiment.Metric, v *float64) string {
	switch {
	case v == nil:
		return "-"
	case m.Kind == "ratio":
		return fmt.Sprintf("× %.3f", *v)
	case m.Kind == "difference":
		return fmt.Sprintf("%+.2f points", 100**v)
	}
	return fmt.Sprintf("%.2f %%", 100**v)
}

func intervalOf(m *experiment.Metric) string {
	if m.Low == nil || m.High == nil {
		if m.Needs > 0 {
			return fmt.Sprintf("after %d more", m.Needs)
		}
		return "-"
	}
	return figureOf(m, m.Low) + " to " + figureOf(m, m.High)
}

func findingOf(m *experiment.Metric) string {
	switch {
	case m.Kind == "share":
		return "-"
	case m.Low == nil:
		return "too early"
	case m.Finding == "none":
		return "no difference found"
	case m.Finding == "b_"+m.Better:
		return "b is better"
	}
	return "b is worse"
}
