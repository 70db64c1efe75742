package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/conformance"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func newPluginList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that the daemon would find",
		Long: `List the plugins that the daemon would find: those in plugins.dir and those under plugins.list, which go
first. None is started. PINNED says that the configuration names the binary's SHA-256, and whether the
binary is that one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			specs, err := host.Find(hostOptions(cfg, pluginLog(cmd)))
			if err != nil {
				return err
			}
			if asJSON {
				return pluginsJSON(cmd.OutOrStdout(), specs)
			}
			if len(specs) == 0 {
				return fmt.Errorf("%w (%s)", errNoPlugin, cfg.Plugins.Dir)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "KIND\tNAME\tPINNED\tPATH")
			for _, s := range specs {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.Kind, s.Name, pinned(s), s.Path)
			}
			return table.Flush()
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// pinned says whether a binary is the one that the configuration names.
func pinned(s host.Spec) string {
	if s.SHA256 == "" {
		return "no"
	}
	sum, err := conformance.SHA256(s.Path)
	switch {
	case err != nil:
		return "unreadable"
	case !strings.EqualFold(sum, s.SHA256):
		return "ANOTHER"
	}
	return "yes"
}

func pluginsJSON(w io.Writer, specs []host.Spec) error {
	type entry struct {
		Kind   base.Kind `json:"kind"`
		Name   string    `json:"name"`
		Path   string    `json:"path"`
		Pinned string    `json:"pinned"`
	}
	out := make([]entry, len(specs))
	for i, s := range specs {
		out[i] = entry{s.Kind, s.Name, s.Path, pinned(s)}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func newPluginInfo() *cobra.Command {
	var f pluginFlags
	cmd := &cobra.Command{
		Use:   "info BINARY",
		Short: "Say who a plugin is, and how to pin it",
		Long: `Start a plugin, ask it who it is, and stop it. Printed are what it says of itself, the SHA-256 of its
binary, and the entry of the configuration that lets the daemon run this binary and no other.`,
		Example: "  kakeyad plugin info ./kakeya-codec-mine",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := f.spec(args[0])
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			info, err := askPlugin(ctx, cmd, spec)
			if err != nil {
				return err
			}
			sum, err := conformance.SHA256(spec.Path)
			if err != nil {
				return err
			}
			return pluginCard(cmd.OutOrStdout(), spec, info, sum)
		},
	}
	f.add(cmd)
	return cmd
}

// askPlugin starts a plugin, asks it who it is, and stops it.
func askPlugin(ctx context.Context, cmd *cobra.Command, spec host.Spec) (base.Info, error) {
	i, stop, err := conformance.Start(ctx, host.Options{Plugins: []host.Spec{spec}, Logger: pluginLog(cmd)})
	if err != nil {
		return base.Info{}, err
	}
	return i.Info, stop()
}

func pluginCard(w io.Writer, spec host.Spec, info base.Info, sum string) error {
	abilities := "none"
	if len(info.Capabilities) > 0 {
		abilities = strings.Trim(fmt.Sprint(info.Capabilities), "[]")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"name", info.Name},
		{"kind", string(info.Kind)},
		{"version", info.Version},
		{"plugin API", fmt.Sprint(info.APIVersion)},
		{"capabilities", abilities},
		{"description", info.Description},
		{"path", spec.Path},
		{"sha256", sum},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nTo run this binary and no other:\n\nplugins:\n  list:\n    - {name: %s, kind: %s, path: %q, sha256: %q}\n",
		spec.Name, spec.Kind, spec.Path, sum)
	return err
}
