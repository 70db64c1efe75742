// Command reference measures the e8 codec beside the reference, PyPI kakeyalattice in torch, on one
// core each and in turn, so that both see the same machine. `make bench-reference` makes the Python
// environment and runs it.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

var (
	python = flag.String("python", "python3", "interpreter that has kakeyalattice and torch")
	script = flag.String("script", "bench/reference/reference.py", "what it runs")
	rounds = flag.Int("rounds", 5, "rounds")
	q      = flag.Int("q", 38, "range of the lattice")
	batch  = flag.Int("batch", 4096, "vectors of a call")
)

// wanted is how many times the reference's speed the codec shall reach.
const wanted = 20

// slice is how long each thing is measured in a round.
const slice = 250 * time.Millisecond

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	runtime.GOMAXPROCS(1)
	reference, err := start(ctx)
	if err != nil {
		return err
	}
	defer reference.close()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "e8 q%d, one core, thousand vectors/s (median, range of %d rounds)\n", *q, *rounds)
	fmt.Fprintln(w, "head_dim\twhat\tthousand vectors/s\tagainst the reference (median, range)\twanted")
	for _, dim := range []int{64, 128, 256} {
		ours, err := worksOf(dim)
		if err != nil {
			return err
		}
		var theirs harness.Sample
		speed := make([]harness.Sample, len(ours))
		for round := range *rounds {
			v, err := reference.measure(dim)
			if err != nil {
				return err
			}
			theirs = append(theirs, v/1000)
			for i, o := range ours {
				v, err := measure(ctx, o.do)
				if err != nil {
					return err
				}
				speed[i] = append(speed[i], v/1000)
			}
			fmt.Fprintf(os.Stderr, "head_dim %d: round %d of %d\n", dim, round+1, *rounds)
		}
		fmt.Fprintf(w, "%d\treference: round trip, no bytes\t%s\t1\t\n", dim, theirs)
		for i, o := range ours {
			r := harness.Ratios(speed[i], theirs)
			fmt.Fprintf(w, "%d\t%s\t%s\t%.1f (%.1f to %.1f)\t%s\n", dim, o.name, speed[i], r.Median(), r.Quantile(0), r.Quantile(1), o.wanted)
		}
	}
	return w.Flush()
}

// work is something that is done to a batch of vectors.
type work struct {
	name   string
	wanted string
	do     func() error
}

func worksOf(dim int) ([]work, error) {
	x := make([]float32, *batch*dim)
	rng := rand.New(rand.NewPCG(1, uint64(dim)))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	out := make([]float32, len(x))
	want := fmt.Sprintf(">= %d", wanted)
	var all []work
	for _, coding := range []frame.Coding{frame.Fixed, frame.Pages} {
		c, err := frame.New(frame.Options{
			Params: lattice.Params{Variant: lattice.E8, Q: *q, Dim: dim}, Heads: 4, Coding: coding,
		})
		if err != nil {
			return nil, err
		}
		packed, err := c.Encode(nil, frame.OfF32(x))
		if err != nil {
			return nil, err
		}
		goal := ""
		if coding == frame.Fixed {
			goal = want
			y := append([]float32(nil), x...)
			all = append(all, work{"round trip, no bytes", want, func() error { return c.Quantizer().RoundTrip(y) }})
		}
		all = append(all,
			work{fmt.Sprintf("encode, %v", coding), goal, func() (err error) {
				packed, err = c.Encode(packed[:0], frame.OfF32(x))
				return err
			}},
			work{fmt.Sprintf("decode, %v", coding), goal, func() error { return c.Decode(frame.OfF32(out), packed) }},
		)
	}
	return all, nil
}

// measure is the vectors a second of what does a batch.
func measure(ctx context.Context, do func() error) (float64, error) {
	if err := do(); err != nil {
		return 0, err
	}
	done, began := 0, time.Now()
	for time.Since(began) < slice {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := do(); err != nil {
			return 0, err
		}
		done += *batch
	}
	return float64(done) / time.Since(began).Seconds(), nil
}

// process is the reference, which waits for what to measure.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(ctx context.Context) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, *python, *script)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

func (p *process) measure(dim int) (float64, error) {
	if _, err := fmt.Fprintln(p.in, dim, *q, *batch); err != nil {
		return 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the reference gave no answer: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

func (p *process) close() {
	p.in.Close()
	p.cmd.Wait()
}
