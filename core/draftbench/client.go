package draftbench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// answer is what a channel said to a prompt.
type answer struct {
	tokens   []string // as bytes
	logprobs []float64
	timings  timings
}

type timings struct {
	Tokens   int     `json:"predicted_n"`
	MS       float64 `json:"predicted_ms"`
	Drafted  int     `json:"draft_n"`
	Accepted int     `json:"draft_n_accepted"`
	Mean     float64 `json:"draft_mean_committed"`
	Verify   float64 `json:"draft_verify_ms"`
	Propose  float64 `json:"draft_propose_ms"`
	Off      string  `json:"draft_off"`
}

// verified is how often something was verified.
func (t timings) verified() int {
	if t.Mean <= 1 {
		return t.Drafted - t.Accepted // each time the first was rejected, at least
	}
	return int(float64(t.Accepted)/(t.Mean-1) + 0.5)
}

// client asks a daemon.
type client struct {
	url, key string
	http     http.Client
}

// ask answers a prompt greedily, alone in the cache.
func (c *client) ask(ctx context.Context, model, prompt string, tokens int) (a answer, err error) {
	body, err := json.Marshal(map[string]any{
		"model": model, "max_tokens": tokens, "temperature": 0, "cache_prompt": false, "logprobs": true,
		"messages": []map[string]string{{"role": "user", "content": prompt}},
	})
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return a, fmt.Errorf("is a daemon running there? %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return a, err
	}
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(text))
	}
	var m struct {
		Choices []struct {
			Logprobs struct {
				Content []struct {
					Token   string  `json:"token"`
					Logprob float64 `json:"logprob"`
				} `json:"content"`
			} `json:"logprobs"`
		} `json:"choices"`
		Timings timings `json:"timings"`
	}
	if err := json.Unmarshal(text, &m); err != nil || len(m.Choices) != 1 {
		return a, fmt.Errorf("not an answer of a daemon: %w", err)
	}
	a.timings = m.Timings
	for _, t := range m.Choices[0].Logprobs.Content {
		a.tokens, a.logprobs = append(a.tokens, t.Token), append(a.logprobs, t.Logprob)
	}
	return a, nil
}

// same says whether two answers are the same, token for token, and their log-probabilities too.
func (a answer) same(b answer) bool {
	return slices.Equal(a.tokens, b.tokens) && slices.Equal(a.logprobs, b.logprobs)
}

// difference shows where two answers part.
func (a answer) difference(b answer) string {
	at := 0
	for at < min(len(a.tokens), len(b.tokens)) && a.tokens[at] == b.tokens[at] {
		at++
	}
	if at == len(a.tokens) && at == len(b.tokens) {
		return "equal tokens, other log-probabilities"
	}
	end := func(t []string) string { return strings.Join(t[at:min(at+4, len(t))], "") }
	return fmt.Sprintf("from token %d on %q, not %q", at, end(b.tokens), end(a.tokens))
}
