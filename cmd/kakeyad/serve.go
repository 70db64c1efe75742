package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

const serveHelp = `Serve the channels of a configuration over the OpenAI API, until SIGINT or SIGTERM.

Without --config every GGUF file in the models folder is served. The file is read again when it changes and on
SIGHUP: requests that run finish on what they began with, and a file with a mistake is refused whole.
On SIGTERM running requests may go on for server.shutdown_grace; a second signal ends them at once.

A program that starts a daemon of its own gives it --exit-with-parent and a pipe as standard input, which it holds
open and never writes to. The system closes the pipe with the program, also where that is killed, and the daemon
stops then: requests are cut short, models unloaded.`

// serveFlags are those of serve that are not keys of the configuration.
type serveFlags struct {
	addrFile       string
	example        bool
	exitWithParent bool
}

func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve models over the OpenAI API",
		Long:  serveHelp,
		Example: `  kakeyad serve --config kakeyad.yaml --listen 127.0.0.1:9000
  kakeyad serve --models-dir ~/models
  kakeyad serve --listen 127.0.0.1:0 --addr-file /run/kakeyad.addr   # a free port, told in a file`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd, f) },
	}
	addConfigFlags(cmd)
	cmd.Flags().StringVar(&f.addrFile, "addr-file", "", "write the address that is served to `FILE` once it is")
	cmd.Flags().BoolVar(&f.exitWithParent, "exit-with-parent", false, "stop when standard input ends, as it does when the program that holds it dies")
	cmd.Flags().BoolVar(&f.example, "example", false, "print an example request when ready")
	return cmd
}

func serve(cmd *cobra.Command, f serveFlags) error {
	leaveCores()
	options, err := configOptions(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if f.exitWithParent {
		ctx = withParent(ctx, cmd.InOrStdin())
	}
	d, err := newDaemon(ctx, options, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := d.announce(ctx, cmd, f); err != nil {
		return d.stop(ctx, err)
	}
	return d.stop(ctx, d.wait(ctx))
}

// wait returns when the daemon is told to stop, which is no error, or the listener fails.
func (d *daemon) wait(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup:
			d.log.Info("SIGHUP: reading the configuration again")
			d.watcher.Reload()
		case err := <-d.served:
			return err
		case <-ctx.Done():
			d.log.Info("stopping", "grace", d.grace(ctx), "parent gone", parentGone(ctx))
			return nil
		}
	}
}
