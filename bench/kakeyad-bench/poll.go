package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// pollPause is longer than threads of any channel here spin after an answer.
const pollPause = time.Second

// polling compares generation where threads spin for 7 ms (poll 1) to where they do for 350 (poll 50), each
// first in every other round and alone on the machine.
func polling(ctx context.Context, w *tabwriter.Writer) error {
	polls := []int{50, 1}
	config := fmt.Sprintf(`
models: {smollm2-135m: {file: %s}}
defaults: {load: {context: 2048, parallel: 1, threads: %d}}
channels:
  poll50: {model: smollm2-135m, load: {extra: {poll: "50"}}, preload: true}
  poll1: {model: smollm2-135m, load: {extra: {poll: "1"}}, preload: true}
`, modelFile, *threads)
	server, err := harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), os.Getenv("KAKEYA_MODELS"), config)
	if err != nil {
		return err
	}
	defer server.Stop()
	generation, prefill := make([]harness.Sample, len(polls)), make([]harness.Sample, len(polls))
	for round := -1; round < *rounds; round++ { // round -1 warms up and is not counted
		for i := range polls {
			at := (i + max(round, 0)) % len(polls)
			client := harness.NewClient(server.URL, fmt.Sprintf("poll%d", polls[at]))
			short := harness.Request{Prompt: harness.Prompt(16, 300+round), Tokens: *tokens}
			long := harness.Request{Prompt: harness.Prompt(300, 400+round), Tokens: 2}
			err := measure(round, &generation[at], &prefill[at], short, long, func(r harness.Request) (harness.Result, error) {
				select {
				case <-ctx.Done():
					return harness.Result{}, ctx.Err()
				case <-time.After(pollPause):
				}
				return client.Stream(ctx, r)
			})
			if err != nil {
				return err
			}
		}
		if round >= 0 {
			progress("poll", round, *rounds)
		}
	}
	fmt.Fprintln(w, "poll\tgeneration, tokens/s\tbeside 50 (median, range)\tprefill, tokens/s\tbeside 50 (median, range)")
	for i, poll := range polls {
		g, p := harness.Ratios(generation[i], generation[0]), harness.Ratios(prefill[i], prefill[0])
		fmt.Fprintf(w, "%d\t%s\t%.3f (%.3f to %.3f)\t%s\t%.3f (%.3f to %.3f)\n", poll,
			generation[i], g.Median(), g.Quantile(0), g.Quantile(1), prefill[i], p.Median(), p.Quantile(0), p.Quantile(1))
	}
	return nil
}
