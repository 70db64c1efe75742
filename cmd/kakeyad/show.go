package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/gguf"
)

func newShow() *cobra.Command {
	var asJSON, template bool
	cmd := &cobra.Command{
		Use:   "show CHANNEL",
		Short: "Show a channel and its model",
		Long: `Show what a channel is made of, what its model file says of itself, and, when the daemon runs, whether
it is loaded. CHANNEL is a name, an alias, or a channel id that the configuration allows.`,
		Example:           "  kakeyad show smollm2-135m\n  kakeyad show smollm2-135m@e8-q10\n  kakeyad show smollm2-135m --template",
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
			s := newShown(cmd.Context(), c, daemon)
			switch {
			case template:
				return showTemplate(cmd.OutOrStdout(), c, s)
			case asJSON:
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(s)
			}
			return s.print(cmd.OutOrStdout())
		},
	}
	addConfigFlags(cmd)
	addRemoteFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&template, "template", false, "print the chat template alone")
	return cmd
}

// shown is what show tells of a channel.
type shown struct {
	listed
	State        string `json:"state"` // "loaded", "not loaded", "missing", or another of the daemon's
	SystemPrompt string `json:"system_prompt,omitempty"`
	FileBytes    int64  `json:"file_bytes,omitempty"`
	FileError    string `json:"file_error,omitempty"`
	Header       *facts `json:"header,omitempty"`

	template string
	sampling string
}

// facts are those of the model file.
type facts struct {
	Name            string `json:"name,omitempty"`
	Architecture    string `json:"architecture"`
	Quantization    string `json:"quantization,omitempty"`
	Context         int64  `json:"train_context,omitempty"`
	Layers          int64  `json:"layers,omitempty"`
	Embedding       int64  `json:"embedding,omitempty"`
	Heads           int64  `json:"heads,omitempty"`
	KVHeads         int64  `json:"kv_heads,omitempty"`
	HeadDim         int64  `json:"head_dim,omitempty"`
	ChatTemplate    bool   `json:"chat_template"`
	KVBytesPerToken int64  `json:"kv_bytes_per_token,omitempty"`
}

func newShown(ctx context.Context, c *channel.Channel, daemon *remote) *shown {
	s := &shown{listed: newListed(c), SystemPrompt: c.SystemPrompt, State: "not loaded", template: c.ChatTemplate}
	s.sampling = fmt.Sprintf("temperature %.4g, top_p %.4g, top_k %d, min_p %.4g", c.Sampling.Temperature, c.Sampling.TopP, c.Sampling.TopK, c.Sampling.MinP)
	s.readFile(c.Model.Path)
	models, err := daemon.loaded(ctx)
	switch {
	case errors.Is(err, errNoDaemon):
		s.State = "the daemon does not run"
	case err != nil:
		s.State = "not known: " + err.Error()
	}
	for _, m := range models {
		if m.Key == c.LoadKey() {
			s.State = m.State
		}
	}
	if s.State == "ready" {
		s.State = "loaded"
	}
	if c.Model.Missing {
		s.State = "missing"
	}
	return s
}

func (s *shown) readFile(path string) {
	head, err := gguf.ReadFile(path)
	if err != nil {
		s.FileError = err.Error()
		return
	}
	for _, part := range partsOf(path) {
		if info, err := os.Stat(part); err == nil {
			s.FileBytes += info.Size()
		}
	}
	f := head.Facts()
	s.Header = &facts{
		Name: f.Name, Architecture: f.Architecture, Quantization: f.Quantization, Context: f.Context, Layers: f.Layers,
		Embedding: f.Embedding, Heads: f.Heads, KVHeads: f.KVHeads, HeadDim: f.HeadDim, ChatTemplate: f.ChatTemplate != "",
		KVBytesPerToken: f.KVBytesPerToken(),
	}
	if s.template == "" {
		s.template = f.ChatTemplate
	}
}

func showTemplate(w io.Writer, c *channel.Channel, s *shown) error {
	if s.template == "" {
		return fmt.Errorf("%s has no chat template, neither in its file nor in the configuration", c.Name)
	}
	_, err := fmt.Fprintln(w, s.template)
	return err
}

func (s *shown) print(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(&b, "  %-16s %s\n", name, text)
		}
	}
	fmt.Fprintf(&b, "%s\n", s.Name)
	line("made of", "%s", s.Channel)
	line("also named", "%s", strings.Join(s.Aliases, ", "))
	if s.AB != nil {
		line("two channels", "%s and %s; what follows is of the first", s.AB[0], s.AB[1])
	}
	line("state", "%s", s.State)
	line("backend", "%s", s.Backend)
	line("KV codec", "%s", orNone(s.Codec))
	line("drafter", "%s", orNone(s.Drafter))
	line("sampling", "%s", s.sampling)
	line("system prompt", "%s", s.SystemPrompt)
	fmt.Fprintf(&b, "\n%s\n", s.File)
	if s.FileError != "" {
		line("cannot be read", "%s", s.FileError)
	}
	if h := s.Header; h != nil {
		line("name", "%s", h.Name)
		line("architecture", "%s", h.Architecture)
		line("quantisation", "%s", h.Quantization)
		line("size", "%s", mebibytes(s.FileBytes))
		line("trained context", "%d tokens", h.Context)
		line("layers", "%d, %d wide", h.Layers, h.Embedding)
		line("heads", "%d, of which %d for K and V, head_dim %d", h.Heads, h.KVHeads, h.HeadDim)
		line("KV cache", "%d bytes a token in f16, without a codec", h.KVBytesPerToken)
		line("chat template", "%s", map[bool]string{true: "in the file (see --template)", false: "none in the file"}[h.ChatTemplate])
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n", warning)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
