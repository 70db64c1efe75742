// Package harness is what the benchmarks share: a streaming client that any OpenAI-compatible server
// understands, servers started and stopped, and statistics of ratios.
package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client measures streams of one server. It is safe for concurrent use.
//
// It makes a connection for each stream (servers differ in when they drop an idle one), and while a stream runs it only
// notes what arrives and when; it reads it when the stream has ended. So a client's own work, which on few cores takes
// them from the model, is in no figure.
type Client struct {
	URL   string // http://host:port
	Model string
}

// NewClient returns a client of the server at url.
func NewClient(url, model string) *Client {
	return &Client{URL: url, Model: model}
}

// Request is one greedy completion of exactly Tokens tokens.
type Request struct {
	Prompt   string
	Tokens   int
	UseCache bool // let the server reuse the prompt's KV, and leave it
}

// Result is what one stream took, as its client saw it.
type Result struct {
	FirstToken   time.Duration // from sending the request
	Total        time.Duration
	Generation   time.Duration // from the first token to the last
	PromptTokens int
	CachedTokens int
	Tokens       int
}

// TokensPerSecond is the speed of generation: the first token belongs to the prompt's time.
func (r Result) TokensPerSecond() float64 {
	return float64(r.Tokens-1) / r.Generation.Seconds()
}

// PrefillPerSecond is the speed of reading the prompt, the first token's draw included.
func (r Result) PrefillPerSecond() float64 {
	return float64(r.PromptTokens-r.CachedTokens) / r.FirstToken.Seconds()
}

type chunk struct {
	Choices []struct {
		Text         string  `json:"text"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
		Details          struct {
			CachedTokens int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Stream runs one request to its end.
func (c *Client) Stream(ctx context.Context, r Request) (Result, error) {
	body, err := json.Marshal(map[string]any{
		"model": c.Model, "prompt": r.Prompt, "max_tokens": r.Tokens, "temperature": 0,
		"ignore_eos": true, "cache_prompt": r.UseCache, "stream": true,
		"stream_options": map[string]any{"include_usage": true},
	})
	if err != nil {
		return Result{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/v1/completions", bytes.NewReader(body))
	if err != nil {
		return Result{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Close = true

	start := time.Now()
	answer, err := record(req)
	if err != nil {
		return Result{}, err
	}
	total := time.Since(start)
	resp, err := http.ReadResponse(bufio.NewReader(answer), req)
	if err != nil {
		return Result{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return Result{}, fmt.Errorf("%s answered %s: %s", c.URL, resp.Status, text)
	}

	var out Result
	var first, last time.Time
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok || bytes.Equal(data, []byte("[DONE]")) {
			continue
		}
		var event chunk
		if err := json.Unmarshal(data, &event); err != nil {
			return Result{}, fmt.Errorf("decode %q: %w", data, err)
		}
		if event.Error != nil {
			return Result{}, fmt.Errorf("%s: %s", c.URL, event.Error.Message)
		}
		if len(event.Choices) > 0 && event.Choices[0].FinishReason == nil {
			last = answer.at
			if first.IsZero() && event.Choices[0].Text != "" {
				first = last
			}
		}
		if event.Usage != nil {
			out.PromptTokens = event.Usage.PromptTokens
			out.CachedTokens = event.Usage.Details.CachedTokens
			out.Tokens = event.Usage.CompletionTokens
		}
	}
	if err := lines.Err(); err != nil {
		return Result{}, err
	}
	if first.IsZero() {
		return Result{}, fmt.Errorf("%s sent no token", c.URL)
	}
	out.FirstToken, out.Generation, out.Total = first.Sub(start), last.Sub(first), total
	return out, nil
}
