package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// parkedTokens is about how many tokens a parked prompt has.
const parkedTokens = 1000

// parkedChannels are what is compared: KV as the cache has it, and packed.
var parkedChannels = []struct{ name, codec string }{
	{"raw f16", ""},
	{"e8 q38", "codec: {name: e8, q: 38}, "},
	{"e8 q10", "codec: {name: e8, q: 10}, "},
	{"e8k q15", "codec: {name: e8k, q: 15}, "},
	{"e8k q15, random", "codec: {name: e8k, q: 15, params: {form: random}}, "},
}

// parkedSessions restores prompts from memory and from disk, beside computing them, and counts what
// they take.
func parkedSessions(ctx context.Context, w *tabwriter.Writer) error {
	fmt.Fprintln(w, "pages\tfrom\tbytes a token\ttimes f16 held in 1 GiB\tcompute 1,000 tokens, ms\tpack them and unload, ms\trestore them, ms\ttimes faster (median, range)\twanted")
	for _, from := range []struct{ name, sessions string }{{"RAM", "{ram: 1GiB}"}, {"disk", "{ram: 0}"}} {
		config := "sessions: " + from.sessions + "\nmodels: {smollm2-135m: {file: " + modelFile + "}}\nchannels:\n"
		for i, c := range parkedChannels {
			config += fmt.Sprintf("  c%d: {model: smollm2-135m, %scache: {park_after: 1h}, load: {context: 2048, cache_tokens: 2048, parallel: 1, threads: %d}}\n", i, c.codec, *threads)
		}
		server, err := harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), os.Getenv("KAKEYA_MODELS"), config)
		if err != nil {
			return err
		}
		for i, c := range parkedChannels {
			if err = parkedChannel(ctx, w, server.URL, fmt.Sprintf("c%d", i), c.name, from.name); err != nil {
				break
			}
		}
		if err = errors.Join(err, server.Stop()); err != nil {
			return err
		}
	}
	return nil
}

// parkedChannel measures one channel of a running daemon.
func parkedChannel(ctx context.Context, w *tabwriter.Writer, url, channel, pages, from string) error {
	var compute, pack, restore harness.Sample // of 1,000 tokens, in ms
	before, err := parkedBytes(ctx, url)
	if err != nil {
		return err
	}
	for round := range *rounds {
		prompt := harness.Prompt(parkedTokens, 1000+round)
		first, err := parkedAsk(ctx, url, channel, prompt)
		began := time.Now()
		if err == nil {
			err = parkedPost(ctx, url+"/v1/kakeya/unload", map[string]any{"model": channel}, nil)
		}
		pack = append(pack, 1000*time.Since(began).Seconds()/float64(first.PromptN)*1000)
		if err == nil {
			err = parkedPost(ctx, url+"/v1/kakeya/load", map[string]any{"model": channel}, nil)
		}
		if err != nil {
			return err
		}
		second, err := parkedAsk(ctx, url, channel, prompt)
		if err != nil {
			return err
		}
		if second.Restored == 0 {
			return fmt.Errorf("%s from %s: nothing was restored", pages, from)
		}
		compute = append(compute, first.PromptMS/float64(first.PromptN)*1000)
		restore = append(restore, second.RestoreMS/float64(second.Restored)*1000)
		progress("parked: "+pages+" from "+from, round, *rounds)
	}
	after, err := parkedBytes(ctx, url)
	if err != nil {
		return err
	}
	bytesNow, nominal, tokens := after.bytes-before.bytes, after.nominal-before.nominal, 64*(after.pages-before.pages)
	wanted := ">= 25 times"
	switch pages {
	case "e8 q38":
		wanted += ", >= 2.4 times held"
	case "e8 q10":
		wanted += ", >= 3.5 times held"
	case "e8k q15":
		wanted = ">= 8 times, >= 9 times held, packed in a fifth of the time of computing"
	case "e8k q15, random":
		wanted = ">= 20 times"
	default:
		wanted = ""
	}
	fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t%v\t%s\n", pages, from, bytesNow/tokens, nominal/bytesNow,
		compute.Median(), pack.Median(), restore.Median(), harness.Ratios(compute, restore), wanted)
	return nil
}

// parkedTimings is what an answer tells of its prompt.
type parkedTimings struct {
	PromptN   int     `json:"prompt_n"`
	PromptMS  float64 `json:"prompt_ms"`
	Restored  int     `json:"restored_n"`
	RestoreMS float64 `json:"restore_ms"`
}

func parkedAsk(ctx context.Context, url, channel, prompt string) (parkedTimings, error) {
	var got struct {
		Timings parkedTimings `json:"timings"`
	}
	err := parkedPost(ctx, url+"/v1/completions", map[string]any{
		"model": channel, "prompt": prompt, "max_tokens": 1, "temperature": 0, "cache_prompt": true,
	}, &got)
	return got.Timings, err
}

// kept is what the daemon keeps of all channels.
type kept struct{ pages, bytes, nominal float64 }

func parkedBytes(ctx context.Context, url string) (kept, error) {
	var got struct {
		Sessions struct {
			Parked struct {
				Pages   float64 `json:"pages"`
				Bytes   float64 `json:"bytes"`
				Nominal float64 `json:"nominal_bytes"`
			} `json:"parked"`
		} `json:"sessions"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/kakeya/stats", nil)
	if err != nil {
		return kept{}, err
	}
	err = parkedDo(req, &got)
	p := got.Sessions.Parked
	return kept{p.Pages, p.Bytes, p.Nominal}, err
}

func parkedPost(ctx context.Context, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return parkedDo(req, out)
}

func parkedDo(req *http.Request, out any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(string(body)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}
