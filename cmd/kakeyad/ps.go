package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newPS() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "Show what a running daemon has loaded and does",
		Long: `Show what a running daemon has loaded: state, memory, requests, and how long an idle model stays.
The daemon is asked at --url, by default at the address that the configuration serves.`,
		Example: "  kakeyad ps\n  kakeyad ps --url http://127.0.0.1:9000 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			daemon, err := findRemote(cmd, cfg)
			if err != nil {
				return err
			}
			var body []byte
			if err := daemon.ask(cmd.Context(), "/v1/kakeya/stats", nil, &body); err != nil {
				return err
			}
			if asJSON {
				_, err := cmd.OutOrStdout().Write(append(body, '\n'))
				return err
			}
			return psTable(cmd.OutOrStdout(), body, time.Now())
		},
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the daemon's stats as they are")
	return cmd
}

// psTable prints the stats endpoint's answer for people.
func psTable(w io.Writer, body []byte, now time.Time) error {
	var stats struct {
		Pool struct {
			BudgetBytes int64 `json:"budget_bytes"`
			UsedBytes   int64 `json:"used_bytes"`
		} `json:"pool"`
		Models []struct {
			Model    string     `json:"model"`
			State    string     `json:"state"`
			Progress float64    `json:"progress"`
			Bytes    int64      `json:"bytes"`
			Requests int        `json:"requests"`
			Active   int        `json:"active"`
			Slots    int        `json:"slots"`
			Finished int64      `json:"finished"`
			Pinned   bool       `json:"pinned"`
			Expires  *time.Time `json:"expires"`
		} `json:"models"`
		Sessions *struct {
			Pages    int64 `json:"pages"`
			Bytes    int64 `json:"bytes"`
			Nominal  int64 `json:"nominal_bytes"`
			RAM      int64 `json:"ram_bytes"`
			Disk     int64 `json:"disk_bytes"`
			Restored struct {
				Pages int64 `json:"pages"`
			} `json:"restored"`
		} `json:"sessions"`
	}
	if err := json.Unmarshal(body, &stats); err != nil {
		return errors.Join(errors.New("the daemon's answer is not understood; is it a kakeyad of this version?"), err)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MODEL\tSTATE\tMEMORY\tREQUESTS\tSLOTS\tFINISHED\tUNLOADS")
	for _, m := range stats.Models {
		state := m.State
		if m.Progress > 0 && m.Progress < 1 {
			state = fmt.Sprintf("%s %d %%", state, int(100*m.Progress))
		}
		name, _, _ := strings.Cut(m.Model, "#")
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d/%d\t%d\t%s\n", name, state, mebibytes(m.Bytes), m.Requests,
			m.Active, m.Slots, m.Finished, unloads(m.Pinned, m.Expires, now))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s of %s in use\n", mebibytes(stats.Pool.UsedBytes), mebibytes(stats.Pool.BudgetBytes))
	if s := stats.Sessions; err == nil && s != nil && s.Pages > 0 {
		_, err = fmt.Fprintf(w, "%d pages parked: %s, which are %s in f16 (%.1f times as much); %s of them in memory, %s on disk; %d pages restored\n",
			s.Pages, mebibytes(s.Bytes), mebibytes(s.Nominal), float64(s.Nominal)/float64(max(s.Bytes, 1)), mebibytes(s.RAM), mebibytes(s.Disk), s.Restored.Pages)
	}
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }

// unloads says when an idle model goes.
func unloads(pinned bool, expires *time.Time, now time.Time) string {
	switch {
	case pinned:
		return "never (pinned)"
	case expires == nil:
		return "-"
	}
	return "in " + expires.Sub(now).Round(time.Second).String()
}
