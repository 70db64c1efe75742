package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const (
	routerRequests = 3000 // measured requests of each kind
	loadSeconds    = 3
	heldModels     = 8
	heldSlots      = 256 // streams of each model
)

// routerCost measures what the daemon adds to a plugin that costs nothing: the same requests of one token are
// made of the fake backend over gRPC directly, as the daemon makes them, and through the daemon, in turn.
func routerCost(ctx context.Context, w *tabwriter.Writer) error {
	dir, err := os.MkdirTemp("", "kakeyad-bench-models-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := startFake(ctx, dir)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := latency(ctx, w, server, dir); err != nil {
		return err
	}
	for _, clients := range []int{1, 8, 32} {
		perSecond, err := throughput(server, clients)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "requests/s, %d clients\t%.0f\t\n", clients, perSecond)
	}
	return held(ctx, w, server)
}

// startFake serves the fake backend: one model that answers one token, and several that begin an answer and
// then hang.
func startFake(ctx context.Context, dir string) (*harness.Server, error) {
	config := "models:\n  quick: {file: quick.json, profile: none}\n"
	channels := "channels:\n  quick: {backend: fake, load: {parallel: 64}, preload: true}\n"
	files := map[string]string{"quick.json": `{"answer_tokens": 1}`}
	for i := range heldModels {
		name := fmt.Sprintf("held-%d", i)
		config += fmt.Sprintf("  %s: {file: %s.json, profile: none}\n", name, name)
		channels += fmt.Sprintf("  %s: {backend: fake, load: {parallel: %d}}\n", name, heldSlots)
		files[name+".json"] = `{"hang": "generate", "after_tokens": 1}`
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	config += channels + "log: {level: warn}\n"
	return harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), dir, config, "--plugin-dir", benchDir())
}

// benchDir is where `make bench` puts binaries that only it uses.
func benchDir() string { return filepath.Join(os.Getenv("KAKEYA_BIN"), "bench") }

func latency(ctx context.Context, w *tabwriter.Writer, server *harness.Server, dir string) error {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	plugins := host.New(host.Options{Dir: benchDir(), Logger: quiet})
	if err := plugins.Start(ctx); err != nil {
		return err
	}
	defer plugins.Stop(ctx)
	instance, err := plugins.Plugin(ctx, base.KindBackend, "fake")
	if err != nil {
		return err
	}
	_, err = instance.Backend.LoadModel(ctx, backend.LoadRequest{ID: "m", Path: filepath.Join(dir, "quick.json")}, nil)
	if err != nil {
		return err
	}
	conn, err := dial(server)
	if err != nil {
		return err
	}
	defer conn.Close()

	request := backend.GenerateRequest{Model: "m", Prompt: backend.Prompt{Text: "hello"}, Sampling: backend.DefaultSampling()}
	var direct, through, empty []time.Duration
	for i := -200; i < routerRequests; i++ { // the first ones warm up and are not counted
		began := time.Now()
		if err := instance.Backend.Generate(ctx, request, func(backend.Event) error { return nil }); err != nil {
			return err
		}
		plain := time.Since(began)
		began = time.Now()
		if err := conn.complete("quick"); err != nil {
			return err
		}
		daemon := time.Since(began)
		began = time.Now()
		if err := conn.live(); err != nil {
			return err
		}
		if i >= 0 {
			direct, through, empty = append(direct, plain), append(through, daemon), append(empty, time.Since(began))
		}
	}
	a, b := harness.Durations(direct, time.Microsecond), harness.Durations(through, time.Microsecond)
	fmt.Fprintln(w, "measure\tvalue\twanted")
	for _, p := range []struct {
		name   string
		q      float64
		wanted string
	}{{"p50", 0.5, "< 150"}, {"p99", 0.99, "< 1000"}} {
		fmt.Fprintf(w, "added latency %s, µs\t%.0f (%.0f through the daemon, %.0f by gRPC directly)\t%s\n",
			p.name, b.Quantile(p.q)-a.Quantile(p.q), b.Quantile(p.q), a.Quantile(p.q), p.wanted)
	}
	fmt.Fprintf(w, "of which any HTTP request, p50, µs\t%.0f (GET /livez)\t\n", harness.Durations(empty, time.Microsecond).Median())
	return nil
}

// connection is a kept HTTP connection, with as little client around it as can be.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

func dial(server *harness.Server) (*connection, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

func (c *connection) post(model string, stream bool) error {
	body, err := json.Marshal(map[string]any{"model": model, "prompt": "hello", "stream": stream})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return err
}

// complete makes one request and reads its answer.
func (c *connection) complete(model string) error {
	if err := c.post(model, false); err != nil {
		return err
	}
	return c.answer()
}

// live makes a request that the daemon answers by itself.
func (c *connection) live() error {
	if _, err := io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		return err
	}
	return c.answer()
}

func (c *connection) answer() error {
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// throughput counts the requests of so many clients, each of which sends one after the other.
func throughput(server *harness.Server, clients int) (float64, error) {
	var done atomic.Int64
	var wg sync.WaitGroup
	failures := make(chan error, clients)
	end := time.Now().Add(loadSeconds * time.Second)
	for range clients {
		wg.Go(func() {
			conn, err := dial(server)
			if err != nil {
				failures <- err
				return
			}
			defer conn.Close()
			for time.Now().Before(end) {
				if err := conn.complete("quick"); err != nil {
					failures <- err
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failures:
		return 0, err
	default:
		return float64(done.Load()) / loadSeconds, nil
	}
}

// held opens streams that begin and never end, and tells what one costs.
func held(ctx context.Context, w *tabwriter.Writer, server *harness.Server) error {
	before := server.ResidentBytes()
	var conns []*connection
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range heldModels * heldSlots {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c, err := dial(server)
		if err != nil {
			return err
		}
		conns = append(conns, c)
		if err := c.post(fmt.Sprintf("held-%d", i%heldModels), true); err != nil {
			return err
		}
		resp, err := http.ReadResponse(c.answers, nil)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
	}
	each := float64(server.ResidentBytes()-before) / float64(len(conns)) / 1024
	fmt.Fprintf(w, "streams held at once\t%d, %.0f KiB each in daemon and plugin together\t\n", len(conns), each)
	return nil
}
