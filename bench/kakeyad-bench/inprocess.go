package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// pairs is how many generations a round compares: the machine's speed drifts within seconds.
const pairs = 6

// inProcess runs the same requests through the API and through plugins/llamacpp/inprocess, which calls the
// plugin's code without gRPC, router or HTTP, round by round in turn.
func inProcess(ctx context.Context, w *tabwriter.Writer) error {
	server, client, err := startSmolLM2(ctx, true)
	if err != nil {
		return err
	}
	defer server.Stop()
	direct, err := startDirect(ctx)
	if err != nil {
		return err
	}
	defer direct.stop()

	var api, plain struct{ generation, prefill harness.Sample }
	for round := -1; round < *rounds; round++ { // round -1 warms both up and is not counted
		for pair := range pairs + 1 {
			r := harness.Request{Prompt: harness.Prompt(16, 100+pairs*round+pair), Tokens: *tokens}
			if pair == pairs {
				r = harness.Request{Prompt: harness.Prompt(900, 200+round), Tokens: 2}
			}
			viaAPI, viaPlugin, err := bothWays(round+pair, r, func(r harness.Request) (harness.Result, error) {
				return client.Stream(ctx, r)
			}, direct.run)
			switch {
			case err != nil:
				return err
			case round < 0:
			case pair == pairs:
				api.prefill = append(api.prefill, viaAPI.PrefillPerSecond())
				plain.prefill = append(plain.prefill, viaPlugin.PrefillPerSecond())
			default:
				api.generation = append(api.generation, viaAPI.TokensPerSecond())
				plain.generation = append(plain.generation, viaPlugin.TokensPerSecond())
			}
		}
		if round >= 0 {
			progress("inprocess", round, *rounds)
		}
	}
	fmt.Fprintln(w, "measure\tAPI\tin process\tratio (median, range)\twanted")
	row := func(name string, a, b harness.Sample) {
		r := harness.Ratios(a, b)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.3f (%.3f to %.3f)\t>= 0.98\n", name, a.Median(), b.Median(), r.Median(), r.Quantile(0), r.Quantile(1))
	}
	row("generation, tokens/s", api.generation, plain.generation)
	row("prefill, tokens/s", api.prefill, plain.prefill)
	return nil
}

// bothWays runs a request both ways, which first depends on whether turn is odd.
func bothWays(turn int, r harness.Request, a, b func(harness.Request) (harness.Result, error)) (ofA, ofB harness.Result, err error) {
	if turn%2 == 0 {
		if ofA, err = a(r); err == nil {
			ofB, err = b(r)
		}
		return ofA, ofB, err
	}
	if ofB, err = b(r); err == nil {
		ofA, err = a(r)
	}
	return ofA, ofB, err
}

// direct is a running plugins/llamacpp/inprocess: one JSON request a line in, one JSON result a line out.
type direct struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startDirect(ctx context.Context) (*direct, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(benchDir(), "llamacpp-inprocess"),
		"-model", filepath.Join(os.Getenv("KAKEYA_MODELS"), modelFile),
		"-context", strconv.Itoa(cells), "-parallel", strconv.Itoa(slots), "-threads", strconv.Itoa(*threads))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &direct{cmd: cmd, in: in, out: bufio.NewScanner(out)}, nil
}

func (d *direct) run(r harness.Request) (harness.Result, error) {
	if err := json.NewEncoder(d.in).Encode(r); err != nil {
		return harness.Result{}, err
	}
	if !d.out.Scan() {
		return harness.Result{}, fmt.Errorf("llamacpp-inprocess ended: %w", d.out.Err())
	}
	var result harness.Result
	return result, json.Unmarshal(d.out.Bytes(), &result)
}

func (d *direct) stop() error {
	d.in.Close()
	return d.cmd.Wait()
}
