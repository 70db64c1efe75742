package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/channel"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the channels of a configuration",
		Long: `List the channels of a configuration: what a request's "model" may name. The daemon need not run.
A channel whose file is missing is listed and marked. Warnings are printed below the table.`,
		Example: "  kakeyad list --config kakeyad.yaml\n  kakeyad list --models-dir ~/models --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return listJSON(cmd.OutOrStdout(), cfg.Set.All())
			}
			if len(cfg.Set.All()) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "no channels: there is no GGUF file in %s and no configuration names one\n", cfg.ModelsDir)
				return err
			}
			return listTable(cmd.OutOrStdout(), cfg.Set.All())
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// listed is a channel as `list --json` prints it.
type listed struct {
	Name     string   `json:"name"`
	Channel  string   `json:"channel"`
	Aliases  []string `json:"aliases,omitempty"`
	File     string   `json:"file"`
	Missing  bool     `json:"missing,omitempty"`
	Backend  string   `json:"backend"`
	Codec    string   `json:"codec,omitempty"`
	Drafter  string   `json:"drafter,omitempty"`
	AB       []string `json:"ab,omitempty"` // the two that it is; the rest is the first's
	Warnings []string `json:"warnings,omitempty"`
}

func newListed(c *channel.Channel) listed {
	l := listed{
		Name: c.Name, Channel: c.ID.String(), Aliases: c.Aliases, File: c.Model.Path, Missing: c.Model.Missing,
		Backend: c.Backend, Warnings: c.Warnings,
	}
	if ab := c.AB; ab != nil {
		l.AB = []string{ab.A.Name, ab.B.Name}
	}
	if !c.ID.Codec.IsZero() {
		l.Codec = c.ID.Codec.String()
	}
	if c.Drafter != nil {
		l.Drafter = c.Drafter.Name
	}
	return l
}

func listJSON(w io.Writer, channels []*channel.Channel) error {
	out := make([]listed, len(channels))
	for i, c := range channels {
		out[i] = newListed(c)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func listTable(w io.Writer, channels []*channel.Channel) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHANNEL\tBACKEND\tCODEC\tDRAFTER\tALIASES\tFILE")
	for _, c := range channels {
		l := newListed(c)
		file := l.File
		if l.Missing {
			file += " (missing)"
		}
		if l.AB != nil {
			l.Backend, l.Codec, l.Drafter, file = "-", "", "", fmt.Sprintf("two: %s and %s", l.AB[0], l.AB[1])
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, l.Backend,
			cmp.Or(l.Codec, "-"), cmp.Or(l.Drafter, "-"), cmp.Or(strings.Join(l.Aliases, ","), "-"), file)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range channels {
		for _, warning := range c.Warnings {
			if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, warning); err != nil {
				return err
			}
		}
	}
	return nil
}
