// Command inprocess calls the llama.cpp plugin's code directly, without gRPC, router or HTTP: the baseline
// that `make bench` compares the API with. It reads one JSON request a line and answers one JSON result a
// line (harness.Request and harness.Result), until its input ends.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

const id backend.ModelID = "model"

func main() {
	var (
		path     = flag.String("model", "", "GGUF file")
		size     = flag.Int("context", 0, "tokens of one request, and KV cells")
		parallel = flag.Int("parallel", 0, "slots")
		threads  = flag.Int("threads", 0, "threads")
	)
	flag.Parse()
	options := backend.LoadOptions{Context: *size, CacheTokens: *size, Parallel: *parallel, Threads: *threads}
	if err := run(*path, options); err != nil {
		fmt.Fprintln(os.Stderr, "inprocess:", err)
		os.Exit(1)
	}
}

func run(path string, options backend.LoadOptions) error {
	ctx := context.Background()
	s := service.New("bench", base.NewLogger(os.Stderr))
	if _, err := s.LoadModel(ctx, backend.LoadRequest{ID: id, Path: path, Options: options}, nil); err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var r harness.Request
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			return s.Close(ctx)
		} else if err != nil {
			return err
		}
		result, err := generate(ctx, s, r)
		if err != nil {
			return err
		}
		if err := out.Encode(result); err != nil {
			return err
		}
	}
}

// generate runs one request and takes the times at the same points as harness.Client does.
func generate(ctx context.Context, b backend.Backend, r harness.Request) (harness.Result, error) {
	var out harness.Result
	var first, last time.Time
	start := time.Now()
	err := b.Generate(ctx, backend.GenerateRequest{
		Model:     id,
		Prompt:    backend.Prompt{Text: r.Prompt, AddSpecial: true},
		MaxTokens: r.Tokens,
		Sampling:  backend.Sampling{IgnoreEOS: true},
		NoCache:   !r.UseCache,
	}, func(e backend.Event) error {
		if len(e.Tokens) > 0 {
			last = time.Now()
			if first.IsZero() && e.Text != "" {
				first = last
			}
		}
		if e.Final != nil {
			out.PromptTokens, out.CachedTokens, out.Tokens = e.Final.PromptTokens, e.Final.CachedTokens, e.Final.OutputTokens
		}
		return nil
	})
	out.FirstToken, out.Generation, out.Total = first.Sub(start), last.Sub(first), time.Since(start)
	return out, err
}
