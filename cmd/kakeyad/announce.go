package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/pool"
)

// announce tells where the daemon serves: in the log, in a file, and with an example once it is ready.
func (d *daemon) announce(ctx context.Context, cmd *cobra.Command, f serveFlags) error {
	address := d.listener.Addr().String()
	d.log.Info("serving", "url", d.scheme()+"://"+address+"/v1", "channels", len(d.config.Set.All()))
	if f.addrFile != "" {
		if err := writeWhole(f.addrFile, address+"\n"); err != nil {
			return fmt.Errorf("write the address file: %w", err)
		}
	}
	if !f.example {
		return nil
	}
	d.awaitLoading(ctx, cmd.ErrOrStderr())
	return printExample(cmd.OutOrStdout(), d.scheme()+"://"+address, d.firstChannel())
}

// writeWhole writes a file that appears whole or not at all.
func writeWhole(path, content string) error {
	part := path + ".part"
	if err := os.WriteFile(part, []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func (d *daemon) firstChannel() string {
	for _, c := range d.config.Set.All() {
		if !c.Model.Missing {
			return c.Name
		}
	}
	return ""
}

// refresh is how often the bar of a loading model moves.
const refresh = 100 * time.Millisecond

// awaitLoading waits until the channels that ask for it are loaded, and draws a bar meanwhile where a person
// looks at it. What fails is in the log.
func (d *daemon) awaitLoading(ctx context.Context, w io.Writer) {
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	var bar *progressbar.ProgressBar
	for !d.router.Ready() {
		var fraction float64
		models := d.router.Stats(ctx).Models
		for _, m := range models {
			if m.State == pool.StateReady {
				fraction++
			} else {
				fraction += float64(m.Progress.Fraction)
			}
		}
		if len(models) > 0 && isTerminal(w) {
			if bar == nil {
				bar = progressbar.NewOptions(100, progressbar.OptionSetWriter(w), progressbar.OptionClearOnFinish(),
					progressbar.OptionSetDescription("loading models"), progressbar.OptionSetElapsedTime(false),
					progressbar.OptionSetPredictTime(false))
			}
			_ = bar.Set(int(100 * fraction / float64(len(models)))) // a bar that cannot be drawn is no matter
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
	if bar != nil {
		_ = bar.Finish()
	}
}

// printExample prints a request that a person can paste.
func printExample(w io.Writer, url, channel string) error {
	if channel == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, `
kakeyad serves %[1]s/v1 as any OpenAI client expects it. Try:

  curl %[1]s/v1/chat/completions -H 'Content-Type: application/json' -d '{
    "model": "%[2]s",
    "messages": [{"role": "user", "content": "What is the capital of France?"}]
  }'

Stop it by Ctrl-C.
`, url, channel)
	return err
}
