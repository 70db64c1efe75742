package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kakeyad/kakeyad/core/config"
)

const runHelp = `Chat with a channel in the terminal. The running daemon answers; where none runs, one is started for the time of
the chat.

With a message, or with text on stdin, the answer to that is printed and the command ends: standard output has the
answer alone.

In a chat, Ctrl-C stops the answer, not the program; Ctrl-D or /exit leaves. A line that ends in \ goes on in the
next one, and so does all between two """; text that is pasted may have several lines. Tab completes commands, and
the arrow keys go through what was typed before. /help lists the commands.`

// runFlags are those of run.
type runFlags struct {
	system   string
	settings []string
	stats    bool
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run CHANNEL [MESSAGE]",
		Short: "Chat with a channel in the terminal",
		Long:  runHelp,
		Example: `  kakeyad run smollm2-135m
  kakeyad run smollm2-135m "What is the capital of France?"
  git diff | kakeyad run qwen3-4b "Write a commit message for this:"
  kakeyad run smollm2-135m --system "Speak like a pirate." --set temperature=0`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeChannels,
		RunE:              func(cmd *cobra.Command, args []string) error { return runChat(cmd, args[0], args[1:], f) },
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	cmd.Flags().StringVar(&f.system, "system", "", "system `PROMPT` in place of the channel's own")
	cmd.Flags().StringArrayVar(&f.settings, "set", nil, "a sampling setting as `NAME=VALUE`, such as temperature=0 or max_tokens=200")
	cmd.Flags().BoolVar(&f.stats, "stats", false, "print the figures of each answer")
	return cmd
}

func runChat(cmd *cobra.Command, name string, words []string, f runFlags) (err error) {
	cfg, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	message, oneShot, err := messageOf(cmd.InOrStdin(), words)
	if err != nil {
		return err
	}
	daemon, stop, err := reach(cmd, cfg, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	c := newChat(daemon, name, cmd.OutOrStdout(), cmd.ErrOrStderr())
	c.system, c.showStats = f.system, f.stats
	for _, setting := range f.settings {
		key, value, _ := strings.Cut(setting, "=")
		if err := c.set(key, value); err != nil {
			return err
		}
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	c.interrupts = interrupts

	if err := c.load(cmd.Context()); err != nil {
		return err
	}
	if oneShot {
		if err := c.ask(cmd.Context(), message); err != nil {
			return err
		}
		return nil
	}
	return c.talk(cmd.Context(), filepath.Join(cfg.DataDir, "history"))
}

// messageOf is what is to be asked at once: the words of the command line, and below them what a pipe brings.
func messageOf(in io.Reader, words []string) (message string, oneShot bool, err error) {
	message = strings.Join(words, " ")
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return message, message != "", nil
	}
	piped, err := io.ReadAll(in)
	if err != nil {
		return "", false, fmt.Errorf("read stdin: %w", err)
	}
	if text := strings.TrimSpace(string(piped)); text != "" {
		message = strings.TrimSpace(message + "\n\n" + text)
	}
	if message == "" {
		return "", false, errors.New("there is nothing to ask: give a message, or text on stdin")
	}
	return message, true, nil
}

// reach finds the daemon and asks it for the channel, so that a wrong name is told before anything is typed. Where
// no daemon runs, and none was named, one is started; stop ends it.
func reach(cmd *cobra.Command, cfg *config.Config, name string) (_ *remote, stop func() error, err error) {
	daemon, err := findRemote(cmd, cfg)
	if err != nil {
		return nil, nil, err
	}
	stop = func() error { return nil }
	path := "/v1/models/" + (&url.URL{Path: name}).EscapedPath()
	err = daemon.ask(cmd.Context(), path, nil, new(struct{}))
	if !errors.Is(err, errNoDaemon) || cmd.Flags().Changed("url") {
		return daemon, stop, err
	}
	if _, err := cfg.Set.Resolve(name); err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "No daemon runs at %s: one is started for this chat and ends with it.\n", daemon.url)
	return inProcess(cmd, cfg)
}

// inProcess starts a daemon on a free port of this machine. It logs into data_dir/run.log.
func inProcess(cmd *cobra.Command, cfg *config.Config) (*remote, func() error, error) {
	if err := cmd.Flags().Set("listen", "127.0.0.1:0"); err != nil {
		return nil, nil, err
	}
	options, err := configOptions(cmd)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the data folder (data_dir, KAKEYAD_DATA_DIR): %w", err)
	}
	log, err := os.OpenFile(filepath.Join(cfg.DataDir, "run.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	d, err := newDaemon(cmd.Context(), options, log)
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	stop := func() error { return errors.Join(d.stop(context.WithoutCancel(cmd.Context()), nil), log.Close()) }
	daemon, err := remoteOf(d.config, d.listener.Addr().String(), "")
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return daemon, stop, nil
}
