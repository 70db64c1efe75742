package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/config"
)

func newRm() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "rm CHANNEL",
		Short: "Remove a channel's model file",
		Long: `Remove the model file of a channel, all parts of a split one, after asking. A link is removed, not what it
leads to. The configuration is left as it is: channels of the file are listed as missing.
A model that a running daemon has loaded is in use and is not removed; it goes when it has been idle for
pool.idle_ttl, or at once by POST /v1/kakeya/unload.`,
		Example:           "  kakeyad rm smollm2-135m\n  kakeyad rm smollm2-135m --yes",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeChannels,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			c, err := cfg.Set.Resolve(args[0])
			if err != nil {
				return err
			}
			daemon, err := findRemote(cmd, cfg)
			if err != nil {
				return err
			}
			return removeModel(cmd, cfg, c, daemon, yes)
		},
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

func removeModel(cmd *cobra.Command, cfg *config.Config, c *channel.Channel, daemon *remote, yes bool) error {
	var files []string
	var size int64
	for _, file := range partsOf(c.Model.Path) {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: there is no file %s to remove", c.Name, file)
		}
		if err != nil {
			return err
		}
		files, size = append(files, file), size+info.Size()
	}
	users := channelsOf(cfg, c.Model.Path)
	if err := refuseInUse(cmd.Context(), users, daemon); err != nil {
		return err
	}
	if !yes {
		out := cmd.ErrOrStderr()
		fmt.Fprintf(out, "Remove %s (%s)?\n", strings.Join(files, ", "), mebibytes(size))
		if len(users) > 1 {
			fmt.Fprintf(out, "These channels use it: %s.\n", strings.Join(namesOf(users), ", "))
		}
		fmt.Fprint(out, "[y/N] ")
		answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // no answer is no
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
			return errors.New("nothing was removed (--yes removes without asking)")
		}
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "removed %s (%s)\n", strings.Join(files, ", "), mebibytes(size))
	return err
}

// channelsOf are the channels that use a model file.
func channelsOf(cfg *config.Config, path string) []*channel.Channel {
	var out []*channel.Channel
	for _, c := range cfg.Set.All() {
		if c.Model.Path == path {
			out = append(out, c)
		}
	}
	return out
}

func namesOf(channels []*channel.Channel) []string {
	out := make([]string, len(channels))
	for i, c := range channels {
		out[i] = c.Name
	}
	return out
}

// refuseInUse asks the daemon whether it holds a model of these channels. One that does not run holds none.
func refuseInUse(ctx context.Context, users []*channel.Channel, daemon *remote) error {
	models, err := daemon.loaded(ctx)
	if errors.Is(err, errNoDaemon) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask the daemon whether the model is in use: %w", err)
	}
	for _, m := range models {
		for _, c := range users {
			if m.Key == c.LoadKey() {
				return fmt.Errorf("%s is in use: the daemon at %s has it %s, with %d requests; unload it first (POST /v1/kakeya/unload), or stop the daemon",
					c.Name, daemon.url, m.State, m.Requests)
			}
		}
	}
	return nil
}
