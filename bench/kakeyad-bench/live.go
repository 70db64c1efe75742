package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// liveChannels are compared by liveCost, the first being what the others cost beside.
var liveChannels = []struct{ name, title string }{
	{"plain", "no codec"},
	{"identity", "a codec that changes nothing, live: the way to the codec and back"},
	{"q38", "e8 q38, live"},
	{"q10", "e8 q10, live"},
}

// liveCost measures what a codec in mode live costs a stream that generates, and the prompt before
// it, round by round in turn.
func liveCost(ctx context.Context, w *tabwriter.Writer) error {
	config := fmt.Sprintf(`
models: {m: {file: %s}}
plugins: {list: [{name: fake, kind: codec, path: %s}]}
defaults: {load: {context: 2048, parallel: 1, threads: %d}}
channels:
  plain: {model: m, preload: true}
  identity: {model: m, codec: {name: fake, q: 1}, cache: {mode: live}, preload: true}
  q38: {model: m, codec: {name: e8, q: 38}, cache: {mode: live}, preload: true}
  q10: {model: m, codec: {name: e8, q: 10}, cache: {mode: live}, preload: true}
`, *liveOf, filepath.Join(benchDir(), "codecs", "kakeya-codec-fake"), *threads)
	server, err := harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), os.Getenv("KAKEYA_MODELS"), config)
	if err != nil {
		return err
	}
	defer server.Stop()
	generation, prefill := make([]harness.Sample, len(liveChannels)), make([]harness.Sample, len(liveChannels))
	for round := -1; round < *rounds; round++ { // round -1 warms up and is not counted
		for i := range liveChannels {
			at := (i + max(round, 0)) % len(liveChannels) // each has each place in turn
			client := harness.NewClient(server.URL, liveChannels[at].name)
			g, p := &generation[at], &prefill[at]
			short := harness.Request{Prompt: harness.Prompt(16, 300+round), Tokens: *tokens}
			long := harness.Request{Prompt: harness.Prompt(900, 400+round), Tokens: 2}
			err := measure(round, g, p, short, long, func(r harness.Request) (harness.Result, error) { return client.Stream(ctx, r) })
			if err != nil {
				return fmt.Errorf("%s: %w", liveChannels[at].name, err)
			}
		}
		if round >= 0 {
			progress("live", round, *rounds)
		}
	}
	fmt.Fprintln(w, "channel\tgeneration, tokens/s\tbeside no codec (median, range)\twanted\tprefill, tokens/s\tbeside no codec")
	for i, c := range liveChannels {
		g, p := harness.Ratios(generation[i], generation[0]), harness.Ratios(prefill[i], prefill[0])
		wanted := ""
		if c.name == "q38" {
			wanted = ">= 0.85"
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.3f (%.3f to %.3f)\t%s\t%.0f\t%.3f\n", c.title,
			generation[i].Median(), g.Median(), g.Quantile(0), g.Quantile(1), wanted, prefill[i].Median(), p.Median())
	}
	return nil
}

// measure adds the speeds of a short and a long prompt to the samples, in no round before the first.
func measure(round int, generation, prefill *harness.Sample, short, long harness.Request, run func(harness.Request) (harness.Result, error)) error {
	a, err := run(short)
	if err != nil {
		return err
	}
	b, err := run(long)
	if err != nil {
		return err
	}
	if round >= 0 {
		*generation = append(*generation, a.TokensPerSecond())
		*prefill = append(*prefill, b.PrefillPerSecond())
	}
	return nil
}
