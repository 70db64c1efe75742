package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/hub"
)

const pullHelp = `Fetch a GGUF model into the models folder: of a repository of Hugging Face, or of a URL.

A repository often has a model in several quantisations. Name one after a colon; without it, Q4_K_M is taken where
there is one, then Q4_K_S, Q4_0 or Q4_1. --list shows what there is.

A download that breaks off goes on where it ended when the command is given again. The SHA-256 that the hub states
is checked, and the file appears whole or not at all. Split models are fetched with all their parts.
HF_TOKEN is sent for repositories that are private or gated. HF_ENDPOINT or --endpoint names another hub.`

func newPull() *cobra.Command {
	var endpoint string
	var list bool
	cmd := &cobra.Command{
		Use:   "pull OWNER/REPO[:QUANT] | URL",
		Short: "Fetch a model from Hugging Face or a URL",
		Long:  pullHelp,
		Example: `  kakeyad pull bartowski/SmolLM2-135M-Instruct-GGUF
  kakeyad pull bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0
  kakeyad pull hf.co/bartowski/SmolLM2-135M-Instruct-GGUF --list
  kakeyad pull https://models.example/some-model.gguf`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			r, err := hub.ParseReference(args[0])
			if err != nil {
				return err
			}
			client := &hub.Client{Endpoint: cmp.Or(endpoint, os.Getenv("HF_ENDPOINT")), Token: os.Getenv("HF_TOKEN")}
			return pull(cmd, client, r, cfg.ModelsDir, list)
		},
	}
	addConfigFlags(cmd)
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "`URL` of the hub; by default HF_ENDPOINT, else "+hub.DefaultEndpoint)
	cmd.Flags().BoolVarP(&list, "list", "l", false, "list the repository's models and fetch none")
	return cmd
}

func pull(cmd *cobra.Command, client *hub.Client, r hub.Reference, folder string, list bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	all, err := client.List(ctx, r)
	if err != nil {
		return err
	}
	if list {
		return listModels(cmd.OutOrStdout(), all)
	}
	m, err := hub.Choose(r, all)
	if errors.Is(err, hub.ErrAmbiguous) || errors.Is(err, hub.ErrNotFound) && len(all) > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s has:\n", cmp.Or(r.Repo, r.URL))
		return errors.Join(listModels(cmd.ErrOrStderr(), all), fmt.Errorf("%w: name one, such as %s:%s", err, r.Repo, cmp.Or(all[0].Quant, "Q4_K_M")))
	}
	if err != nil {
		return err
	}
	bar := newPullBar(cmd.ErrOrStderr(), m)
	path, err := client.Download(ctx, m, folder, bar.tell)
	bar.finish()
	if ctx.Err() != nil {
		return errors.New("stopped; the same command goes on from here")
	}
	if err != nil {
		return err
	}
	if _, err := gguf.ReadFile(path); err != nil {
		return fmt.Errorf("%s was fetched and is no usable model: %w", path, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\nIt is served where the configuration discovers models (see kakeyad list), else name it under models.\n", path)
	return err
}

func listModels(w io.Writer, all []hub.Model) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUANT\tSIZE\tFILE")
	for _, m := range all {
		name := m.Name
		if len(m.Files) > 1 {
			name += fmt.Sprintf(" (%d parts)", len(m.Files))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", cmp.Or(m.Quant, "-"), mebibytes(m.Size()), name)
	}
	return table.Flush()
}

// pullBar draws how far a download is: as a bar for a person, as lines now and then for a log.
type pullBar struct {
	w     io.Writer
	name  string
	bar   *progressbar.ProgressBar
	tenth int64
}

func newPullBar(w io.Writer, m hub.Model) *pullBar {
	b := &pullBar{w: w, name: m.Name[strings.LastIndexByte(m.Name, '/')+1:]}
	if isTerminal(w) {
		b.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true),
			progressbar.OptionSetDescription(b.name), progressbar.OptionSetWidth(24), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish())
	}
	return b
}

func (b *pullBar) tell(done, total int64) {
	if b.bar != nil {
		if total > 0 && b.bar.GetMax64() != total {
			b.bar.ChangeMax64(total)
		}
		_ = b.bar.Set64(done) // a bar that cannot be drawn is no matter
		return
	}
	if total > 0 && done*10/total > b.tenth {
		b.tenth = done * 10 / total
		fmt.Fprintf(b.w, "%s: %d %% of %s\n", b.name, b.tenth*10, mebibytes(total))
	}
}

func (b *pullBar) finish() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
