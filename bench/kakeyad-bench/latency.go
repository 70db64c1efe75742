package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const (
	latencyRounds   = 5
	latencyRequests = 1000 // of each kind, in each round
	latencyWarm     = 200  // more at the start of each round, not counted

	hello = "hello"
)

// latency measures what the daemon adds: the same request of one token is made of a fake backend over gRPC directly,
// as the daemon makes it, and through the daemon, in turn; once as a completion and once as a chat. Then, what of it
// any request costs and any other process would.
func latency(ctx context.Context, w *tabwriter.Writer, server *harness.Server, dir string) error {
	generate, stop, err := startDirectly(ctx, dir)
	if err != nil {
		return err
	}
	defer stop()
	conn, err := dial(server)
	if err != nil {
		return err
	}
	defer conn.Close()
	send := func(r request) func() error { return func() error { return conn.do(r) } }

	fmt.Fprintln(w, "measure\tvalue (median of rounds, range)\twanted")
	if err := compare(w, "", generate(hello), send(completion("quick", false))); err != nil {
		return err
	}
	chat, prompt, err := chatting(conn)
	if err != nil {
		return err
	}
	if err := compare(w, " to a chat", generate(prompt), send(chat)); err != nil {
		return err
	}
	echo, err := startEcho()
	if err != nil {
		return err
	}
	defer echo.stop()
	a, b, err := inTurn(send(get("/livez")), echo.ping)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "of which any HTTP request, p50, µs\t%v (GET /livez)\t\n", a.quantiles(0.5))
	fmt.Fprintf(w, "of which waking any process and being woken, p50, µs\t%v (an echo over TCP)\t\n", b.quantiles(0.5))
	return nil
}

// startDirectly starts a fake backend beside the daemon's. What generate returns makes a request of one token of it.
func startDirectly(ctx context.Context, dir string) (generate func(prompt string) func() error, stop func(), err error) {
	plugins := host.New(host.Options{Dir: benchDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := plugins.Start(ctx); err != nil {
		return nil, nil, err
	}
	stop = func() { _ = plugins.Stop(ctx) }
	instance, err := plugins.Plugin(ctx, base.KindBackend, "fake")
	if err == nil {
		_, err = instance.Backend.LoadModel(ctx, backend.LoadRequest{ID: "m", Path: filepath.Join(dir, "quick.json")}, nil)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return func(prompt string) func() error {
		r := backend.GenerateRequest{
			Model:    "m",
			Prompt:   backend.Prompt{Text: prompt, AddSpecial: true, ParseSpecial: true},
			Sampling: backend.DefaultSampling(),
		}
		return func() error { return instance.Backend.Generate(ctx, r, func(backend.Event) error { return nil }) }
	}, stop, nil
}

// chatting returns a chat and the prompt that the daemon makes of it.
func chatting(conn *connection) (chat request, prompt string, err error) {
	body := map[string]any{"model": "quick", "messages": []map[string]string{{"role": "user", "content": hello}}}
	if err := conn.do(post("/apply-template", body)); err != nil {
		return nil, "", err
	}
	var rendered struct{ Prompt string }
	err = json.Unmarshal(conn.answer.Body(), &rendered)
	return post("/v1/chat/completions", body), rendered.Prompt, err
}

// compare prints how much longer the second takes than the first.
func compare(w *tabwriter.Writer, what string, direct, daemon func() error) error {
	a, b, err := inTurn(direct, daemon)
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name   string
		q      float64
		wanted string
	}{{"p50", 0.5, "< 150"}, {"p99", 0.99, "< 1000"}} {
		direct, daemon := a.quantiles(p.q), b.quantiles(p.q)
		fmt.Fprintf(w, "added latency%s, %s, µs\t%v; %.0f through the daemon, %.0f by gRPC directly\t%s\n",
			what, p.name, differences(daemon, direct), daemon.Median(), direct.Median(), p.wanted)
	}
	return nil
}

// timings are those of one kind of request, by round.
type timings [latencyRounds][]time.Duration

// inTurn measures two kinds of request, one after the other.
func inTurn(first, second func() error) (a, b *timings, err error) {
	a, b = new(timings), new(timings)
	for round := range latencyRounds {
		runtime.GC()
		for i := -latencyWarm; i < latencyRequests; i++ {
			began := time.Now()
			if err := first(); err != nil {
				return nil, nil, err
			}
			between := time.Now()
			if err := second(); err != nil {
				return nil, nil, err
			}
			if i >= 0 {
				a[round] = append(a[round], between.Sub(began))
				b[round] = append(b[round], time.Since(between))
			}
		}
		progress("router", round, latencyRounds)
	}
	return a, b, nil
}

// quantiles are the q-quantiles of the rounds, in µs.
func (t *timings) quantiles(q float64) harness.Sample {
	var s harness.Sample
	for _, round := range t {
		s = append(s, harness.Durations(round, time.Microsecond).Quantile(q))
	}
	return s
}

func differences(a, b harness.Sample) harness.Sample {
	s := make(harness.Sample, len(a))
	for i := range s {
		s[i] = a[i] - b[i]
	}
	return s
}
