package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// What is asked of a restored conversation.
const (
	answerTokens  = 256
	excerptBytes  = 1200 // of a text that goes on, about 300 tokens
	excerpts      = 2    // of each text
	haystackBytes = 7400 // about 2,000 tokens
)

// answerChannels are what is compared: the first is what the others' answers are held against.
var answerChannels = []struct{ name, codec string }{
	{"raw f16", ""},
	{"e8 q10", "codec: {name: e8, q: 10}, "},
	{"e8k q30", "codec: {name: e8k, q: 30}, "},
	{"e8k q20", "codec: {name: e8k, q: 20}, "},
	{"e8k q14", "codec: {name: e8k, q: 14}, "},
}

// depths are where in the haystack a fact lies.
var depths = []float64{0.1, 0.5, 0.9}

// asked is one question: a request's path and body, and what a right answer has in it.
type asked struct {
	kind, path string
	body       map[string]any
	needle     string
}

// restoredAnswers compares what is said over restored pages with what is said over exact ones.
func restoredAnswers(ctx context.Context, w *tabwriter.Writer) error {
	questions, err := allQuestions()
	if err != nil {
		return err
	}
	config := "models: {smollm2-135m: {file: " + modelFile + "}}\nchannels:\n"
	for i, c := range answerChannels {
		config += fmt.Sprintf("  c%d: {model: smollm2-135m, %scache: {park_after: 1h}, load: {context: 4096, cache_tokens: 32768, parallel: 1, threads: %d}}\n", i, c.codec, *threads)
	}
	server, err := harness.StartKakeyad(ctx, os.Getenv("KAKEYA_BIN"), os.Getenv("KAKEYA_MODELS"), config)
	if err != nil {
		return err
	}
	defer server.Stop()
	fmt.Fprintln(w, "pages\tanswers equal\ttokens until the first that differs, of 256 (mean, least)\tfacts found\tJSON equal, valid")
	var exact []answer
	for i, c := range answerChannels {
		computed, restored, err := answersOf(ctx, server.URL, fmt.Sprintf("c%d", i), questions, i == 0)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if i == 0 {
			exact = restored
			tellAnswers(w, "raw f16, computed", questions, computed, exact)
		}
		tellAnswers(w, c.name, questions, restored, exact)
		w.Flush() // it takes minutes: what is known is shown
		progress("answers: "+c.name, i, len(answerChannels))
	}
	return nil
}

func allQuestions() (all []asked, err error) {
	book := ""
	for _, name := range []string{"tom-sawyer.txt", "opticks.txt", "go.txt"} {
		text, err := os.ReadFile(filepath.Join(*texts, name))
		if err != nil {
			return nil, fmt.Errorf("-texts: %w", err)
		}
		if book == "" {
			book = string(text)
		}
		for i := range excerpts {
			from := (len(text) - excerptBytes) / excerpts * i
			all = append(all, asked{kind: "text", path: "/v1/completions", body: map[string]any{
				"prompt": strings.ToValidUTF8(string(text[from:from+excerptBytes]), ""), "max_tokens": answerTokens, "logprobs": 1,
			}})
		}
	}
	for i, depth := range depths {
		needle := fmt.Sprint(4817 + 1373*i)
		hay := strings.ToValidUTF8(book[20000*i:20000*i+haystackBytes], "")
		at := strings.Index(hay[int(depth*float64(len(hay)-200)):], ". ") + int(depth*float64(len(hay)-200)) + 2
		all = append(all, asked{kind: "fact", path: "/v1/completions", needle: needle, body: map[string]any{
			"prompt":     hay[:at] + "The secret number of the blue box is " + needle + ". " + hay[at:] + "\n\nThe secret number of the blue box is",
			"max_tokens": 8,
		}})
	}
	for i, what := range []string{"a dog", "a city", "a ship"} {
		all = append(all, asked{kind: "json", path: "/v1/chat/completions", body: map[string]any{
			"max_tokens": 96,
			"messages": []map[string]string{
				{"role": "system", "content": "You describe things as JSON. " + book[9000*i:9000*i+1500]},
				{"role": "user", "content": "Describe " + what + " of this story."},
			},
			"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "thing", "strict": true, "schema": map[string]any{
				"type": "object", "additionalProperties": false, "required": []string{"name", "colour", "age"},
				"properties": map[string]any{"name": map[string]any{"type": "string", "maxLength": 24}, "colour": map[string]any{"type": "string", "maxLength": 12}, "age": map[string]any{"type": "integer"}},
			}}},
		}})
	}
	return all, nil
}

// answer is what was said, and its tokens where the question asked for them.
type answer struct {
	text   string
	tokens []string
}

// answersOf asks everything, unloads the model, and asks again. Without all, the first time one token is enough.
func answersOf(ctx context.Context, url, channel string, questions []asked, all bool) (computed, restored []answer, err error) {
	for _, q := range questions {
		if !all {
			q.body = maps.Clone(q.body)
			q.body["max_tokens"] = 1
		}
		a, _, err := askFor(ctx, url, channel, q)
		if err != nil {
			return nil, nil, err
		}
		computed = append(computed, a)
	}
	for _, path := range []string{"unload", "load"} {
		if err := parkedPost(ctx, url+"/v1/kakeya/"+path, map[string]any{"model": channel}, nil); err != nil {
			return nil, nil, err
		}
	}
	for _, q := range questions {
		a, n, err := askFor(ctx, url, channel, q)
		if err != nil {
			return nil, nil, err
		}
		if n == 0 {
			return nil, nil, fmt.Errorf("%s: nothing was restored", q.kind)
		}
		restored = append(restored, a)
	}
	return computed, restored, parkedPost(ctx, url+"/v1/kakeya/unload", map[string]any{"model": channel}, nil)
}

func askFor(ctx context.Context, url, channel string, q asked) (a answer, restored int, err error) {
	body := map[string]any{"model": channel, "temperature": 0, "cache_prompt": true}
	for k, v := range q.body {
		body[k] = v
	}
	var got struct {
		Choices []struct {
			Text     string `json:"text"`
			Message  struct{ Content string }
			Logprobs struct{ Tokens []string }
		}
		Timings parkedTimings `json:"timings"`
	}
	if err := parkedPost(ctx, url+q.path, body, &got); err != nil {
		return a, 0, err
	}
	if len(got.Choices) != 1 {
		return a, 0, fmt.Errorf("%s: %d answers: %s", q.path, len(got.Choices), http.StatusText(http.StatusOK))
	}
	c := got.Choices[0]
	return answer{text: c.Text + c.Message.Content, tokens: c.Logprobs.Tokens}, got.Timings.Restored, nil
}

// tellAnswers writes a row.
func tellAnswers(w *tabwriter.Writer, name string, questions []asked, said, exact []answer) {
	var equal, texts, facts, found, objects, same, valid int
	var until []int
	for i, q := range questions {
		switch q.kind {
		case "text":
			texts++
			n := 0
			for n < min(len(said[i].tokens), len(exact[i].tokens)) && said[i].tokens[n] == exact[i].tokens[n] {
				n++
			}
			if said[i].text == exact[i].text {
				equal, n = equal+1, answerTokens
			}
			until = append(until, n)
		case "fact":
			facts++
			if strings.Contains(said[i].text, q.needle) {
				found++
			}
		case "json":
			objects++
			if json.Valid([]byte(said[i].text)) {
				valid++
			}
			if said[i].text == exact[i].text {
				same++
			}
		}
	}
	sum := 0
	for _, n := range until {
		sum += n
	}
	fmt.Fprintf(w, "%s\t%d of %d\t%d, %d\t%d of %d\t%d, %d of %d\n", name, equal, texts, sum/len(until), slices.Min(until), found, facts, same, valid, objects)
}
