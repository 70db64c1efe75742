package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
)

const (
	loadSeconds = 3
	heldModels  = 8
	heldSlots   = 256 // streams of each model
)

// routerCost measures what the daemon adds to a plugin that costs nothing, how much it can do, and what it holds.
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
	return harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), dir, config+channels, "--plugin-dir", benchDir())
}

// benchDir is where `make bench` puts binaries that only it uses.
func benchDir() string { return filepath.Join(os.Getenv("KAKEYA_BIN"), "bench") }

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
			request := completion("quick", false)
			for time.Now().Before(end) {
				if err := conn.do(request); err != nil {
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
		if err := c.begin(completion(fmt.Sprintf("held-%d", i%heldModels), true)); err != nil {
			return err
		}
	}
	each := float64(server.ResidentBytes()-before) / float64(len(conns)) / 1024
	fmt.Fprintf(w, "streams held at once\t%d, %.0f KiB each in daemon and plugin together\t\n", len(conns), each)
	return nil
}
