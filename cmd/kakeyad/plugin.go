package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const pluginHelp = `A plugin is a program of its own that runs models (backend), packs their KV cache (codec) or guesses
tokens for them (drafter). The daemon finds those named kakeya-KIND-NAME in its plugin folder, and those
that the configuration lists. docs/plugins.md is the contract for who writes one.

  kakeyad plugin list                      the plugins that the daemon would find
  kakeyad plugin info BINARY               who a plugin says that it is, and how to pin it
  kakeyad plugin new codec NAME            write the skeleton of a codec in Go
  kakeyad plugin test BINARY               check that a plugin keeps its contract, and report`

func newPlugin() *cobra.Command {
	cmd := &cobra.Command{Use: "plugin", Short: "List, describe, begin and test plugins", Long: pluginHelp, Args: cobra.NoArgs}
	cmd.AddCommand(newPluginList(), newPluginInfo(), newPluginNew(), newPluginTest())
	return cmd
}

// pluginFlags are those of commands that start one plugin.
type pluginFlags struct {
	kind, name string
	args, env  []string
}

func (f *pluginFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "kind", "", "`KIND` of the plugin: backend, codec or drafter; by default what the file's name says")
	flags.StringVar(&f.name, "name", "", "`NAME` that it should have; by default what the file's name says")
	flags.StringArrayVar(&f.args, "arg", nil, "an `ARGUMENT` for the plugin; may be given several times")
	flags.StringArrayVar(&f.env, "env", nil, "an environment variable for the plugin, `NAME=VALUE`; may be given several times")
}

// spec says how to run a binary.
func (f *pluginFlags) spec(binary string) (host.Spec, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return host.Spec{}, err
	}
	spec, ok := host.SpecOf(path)
	if !ok && f.kind == "" {
		return spec, fmt.Errorf("%s is not named kakeya-KIND-NAME: say what it is by --kind backend, codec or drafter", binary)
	}
	if !ok {
		spec.Name = "plugin"
	}
	if f.kind != "" {
		spec.Kind = base.Kind(f.kind)
	}
	if f.name != "" {
		spec.Name = f.name
	}
	spec.Args = f.args
	spec.Env, err = pairs("--env", f.env)
	return spec, err
}

// pairs reads NAME=VALUE.
func pairs(flag string, list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%s %s: want NAME=VALUE", flag, entry)
		}
		out[name] = value
	}
	return out, nil
}

// pluginLog shows what goes wrong in a plugin.
func pluginLog(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

var errNoPlugin = errors.New("there is no plugin: put binaries named kakeya-KIND-NAME into the plugin folder, or list them under plugins.list")
