package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
)

const (
	modelFile   = "SmolLM2-135M-Instruct.Q4_1.gguf"
	channelName = "smollm2-135m"
	cells       = 8192
	slots       = 8
)

// startSmolLM2 serves SmolLM2 with the options that all sections share.
func startSmolLM2(ctx context.Context, preload bool) (*harness.Server, *harness.Client, error) {
	config := fmt.Sprintf(`
models: {smollm2-135m: {file: %s}}
channels: {smollm2-135m: {load: {context: %d, cache_tokens: %d, parallel: %d, threads: %d}, preload: %t}}
`, modelFile, cells, cells, slots, *threads, preload)
	server, err := harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), os.Getenv("KAKEYA_MODELS"), config)
	if err != nil {
		return nil, nil, err
	}
	return server, harness.NewClient(server.URL, channelName), nil
}

// byStreams measures all streams together at 1, 2, 4 and 8 streams.
func byStreams(ctx context.Context, w *tabwriter.Writer) error {
	server, client, err := startSmolLM2(ctx, true)
	if err != nil {
		return err
	}
	defer server.Stop()
	counts := []int{1, 2, 4, 8}
	speed := make(map[int]harness.Sample)
	for round := range *rounds {
		for _, n := range counts {
			s, err := client.Aggregate(ctx, n, func(i int) harness.Request {
				return harness.Request{Prompt: harness.Prompt(16, 100*round+10*n+i), Tokens: *tokens}
			})
			if err != nil {
				return err
			}
			speed[n] = append(speed[n], s)
		}
		progress("streams", round, *rounds)
	}
	fmt.Fprintln(w, "streams\ttokens/s, all together\tagainst one stream (median, range)\twanted")
	for _, n := range counts {
		r := harness.Ratios(speed[n], speed[1])
		wanted := ""
		if n == 8 {
			wanted = ">= 1.5"
		}
		fmt.Fprintf(w, "%d\t%s\t%.2f (%.2f to %.2f)\t%s\n", n, speed[n], r.Median(), r.Quantile(0), r.Quantile(1), wanted)
	}
	return nil
}

// firstToken measures the time to the first token cold (the model not loaded), warm (nothing cached) and with
// 1,000 tokens of the prompt cached.
func firstToken(ctx context.Context, w *tabwriter.Writer) error {
	var cold, warm, long, shared harness.Sample
	ms := func(r harness.Result) float64 { return float64(r.FirstToken) / float64(time.Millisecond) }
	cachedTokens := 0
	for round := range *rounds {
		server, client, err := startSmolLM2(ctx, false)
		if err != nil {
			return err
		}
		prefix := harness.Prompt(1000, 5000+round)
		for _, step := range []struct {
			into    *harness.Sample
			request harness.Request
		}{
			{&cold, harness.Request{Prompt: harness.Prompt(16, 1), Tokens: 2}},
			{&warm, harness.Request{Prompt: harness.Prompt(16, 2), Tokens: 2}},
			{&long, harness.Request{Prompt: prefix + " first", Tokens: 2, UseCache: true}},
			{&shared, harness.Request{Prompt: prefix + " another question", Tokens: 2, UseCache: true}},
		} {
			r, err := client.Stream(ctx, step.request)
			if err != nil {
				server.Stop()
				return err
			}
			*step.into = append(*step.into, ms(r))
			cachedTokens = r.CachedTokens
		}
		if err := server.Stop(); err != nil {
			return err
		}
		progress("firsttoken", round, *rounds)
	}
	fmt.Fprintln(w, "case\tms (median, range)")
	fmt.Fprintf(w, "cold: plugin started, model loaded\t%s\n", cold)
	fmt.Fprintf(w, "warm: 16 words, nothing cached\t%s\n", warm)
	fmt.Fprintf(w, "warm: 1,000 words, nothing cached\t%s\n", long)
	fmt.Fprintf(w, "warm: same prefix again (%d tokens cached)\t%s\n", cachedTokens, shared)
	fmt.Fprintf(w, "prefix computed / prefix cached\t%s\n", harness.Ratios(long, shared))
	return nil
}
