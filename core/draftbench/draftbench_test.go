package draftbench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// daemon answers like one: the drafter good is twice as fast, bad says something else.
func daemon(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Model string `json:"model"`
			Cache bool   `json:"cache_prompt"`
		}
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Cache {
			t.Errorf("%+v, %v", req, err)
		}
		word, ms, draft := "yes", 100.0, ""
		switch req.Model {
		case "m":
		case "m+good":
			ms, draft = 50, `,"draft_n":10,"draft_n_accepted":6,"draft_mean_committed":3`
		case "m+bad":
			word, draft = "no", `,"draft_n":3,"draft_n_accepted":0,"draft_mean_committed":1,"draft_off":"does not pay"`
		default:
			http.Error(w, "no such channel", http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"choices":[{"logprobs":{"content":[{"token":"a","logprob":-1},{"token":%q,"logprob":-2}]}}],"timings":{"predicted_n":11,"predicted_ms":%v%s}}`, word, ms, draft)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRun(t *testing.T) {
	for _, streams := range []int{1, 4} {
		ticks := 0
		results, err := Run(t.Context(), Options{
			URL: daemon(t), Channel: "m", Drafters: []string{"good", "bad"}, Prompts: 5, Tokens: 11, Streams: streams,
			Progress: func(done, all int) {
				if ticks++; done != ticks || all != 20 {
					t.Errorf("%d of %d", done, all)
				}
			},
		})
		if err != nil || len(results) != 8 {
			t.Fatalf("%v, %v", results, err)
		}
		good, bad := results[0], results[1]
		if good.Ratio != 2 || len(good.Different) != 0 || good.Committed != 3 || good.Drafted != 50 || good.Plain != 100 || good.Quantile(0.5) != 2 {
			t.Errorf("good: %+v", good)
		}
		if bad.Ratio != 1 || len(bad.Different) != 5 || bad.Off != 5 || bad.Committed != 1 || !strings.Contains(bad.Different[0], `from token 1 on "no", not "yes"`) {
			t.Errorf("bad: %+v", bad)
		}
		var table, plot bytes.Buffer
		if err := Table(&table, results); err != nil || strings.Count(table.String(), "\n") != 1+8+20 {
			t.Errorf("%v\n%s", err, table.String())
		}
		if err := Plot(&plot, results); err != nil {
			t.Error(err)
		}
		for d := xml.NewDecoder(&plot); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRunErrors(t *testing.T) {
	if _, err := Run(t.Context(), Options{URL: daemon(t), Channel: "m", Drafters: []string{"none"}, Prompts: 1}); err == nil || !strings.Contains(err.Error(), "m+none") {
		t.Errorf("got %v", err)
	}
	if _, err := Run(t.Context(), Options{Prompts: PerKind + 1}); err == nil {
		t.Error("too many prompts")
	}
}

// TestPrompts wants 200 prompts, each another.
func TestPrompts(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds {
		for i := range PerKind {
			p := Prompt(k, i)
			if seen[p] || len(p) < 10 {
				t.Errorf("%s %d: %q", k, i, p)
			}
			seen[p] = true
		}
	}
}
