package fake_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const modelID = backend.ModelID("m")

func ignoreEvents(backend.Event) error { return nil }

func load(t *testing.T, b backend.Backend, extra map[string]string) backend.ModelInfo {
	t.Helper()
	info, err := b.LoadModel(t.Context(), backend.LoadRequest{
		ID: modelID, Path: modelFile(t), Options: backend.LoadOptions{Extra: extra},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func request(tokens int) backend.GenerateRequest {
	return backend.GenerateRequest{
		Model:     modelID,
		Prompt:    backend.Prompt{Text: "Once upon a time"},
		Sampling:  backend.Sampling{IgnoreEOS: true},
		MaxTokens: tokens,
	}
}

// answer runs a request and returns its text and its end.
func answer(t *testing.T, b backend.Backend, req backend.GenerateRequest) (string, backend.Final) {
	t.Helper()
	var text strings.Builder
	var final backend.Final
	err := b.Generate(t.Context(), req, func(e backend.Event) error {
		text.WriteString(e.Text)
		if e.Final != nil {
			final = *e.Final
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String(), final
}

func TestAnswer(t *testing.T) {
	b := fake.New(fake.Config{})
	load(t, b, map[string]string{"answer": "Grüße, 世界! 🙂"})
	text, final := answer(t, b, backend.GenerateRequest{Model: modelID, Prompt: backend.Prompt{Text: "hi"}})
	if text != "Grüße, 世界! 🙂" || final.Reason != backend.FinishStop {
		t.Errorf("%q, %+v", text, final)
	}
}

func TestEcho(t *testing.T) {
	b := fake.New(fake.Config{Model: fake.ModelConfig{Echo: true}})
	load(t, b, nil)
	text, _ := answer(t, b, backend.GenerateRequest{
		Model: modelID, Prompt: backend.Prompt{Text: "<|im_start|>user\nhi", ParseSpecial: true}, KeepSpecial: true,
	})
	if !strings.HasPrefix(text, "<|im_start|>user\nhi") {
		t.Errorf("%q", text)
	}
}

func TestAnswerTokens(t *testing.T) {
	b := fake.New(fake.Config{Model: fake.ModelConfig{AnswerTokens: 100}})
	load(t, b, nil)
	req := request(0)
	req.Sampling.IgnoreEOS = false
	if _, final := answer(t, b, req); final.OutputTokens != 100 || final.Reason != backend.FinishStop {
		t.Errorf("%+v", final)
	}
}

func TestModelFileAndExtra(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.json")
	if err := os.WriteFile(path, []byte(`{"bytes": 1000, "answer": "file", "load": "1ms", "chat_template": "none"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	b := fake.New(fake.Config{Model: fake.ModelConfig{Bytes: 1, KVBytesPerToken: 2}})
	info, err := b.LoadModel(t.Context(), backend.LoadRequest{
		ID: modelID, Path: path, Options: backend.LoadOptions{Context: 100, Extra: map[string]string{"answer": "extra"}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.Memory.Weights != 1000 || info.Memory.KV != 200 || info.ChatTemplate != "" {
		t.Errorf("%+v", info)
	}
	if text, _ := answer(t, b, request(0)); text != "extra" {
		t.Errorf("%q", text)
	}
}

func TestLoadErrors(t *testing.T) {
	for how, want := range map[string]error{"file": backend.ErrModelFile, "memory": base.ErrOutOfMemory, "unsupported": base.ErrUnsupported} {
		b := connect(t, fake.Config{Model: fake.ModelConfig{LoadError: how}})
		_, err := b.LoadModel(t.Context(), backend.LoadRequest{ID: modelID, Path: modelFile(t)}, nil)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestHangs(t *testing.T) {
	path := modelFile(t)
	for name, call := range map[string]func(ctx context.Context) error{
		"load": func(ctx context.Context) error {
			b := fake.New(fake.Config{Model: fake.ModelConfig{Hang: "load"}})
			_, err := b.LoadModel(ctx, backend.LoadRequest{ID: modelID, Path: path}, nil)
			return err
		},
		"health": func(ctx context.Context) error {
			_, err := fake.New(fake.Config{Health: "hang"}).Health(ctx)
			return err
		},
		"generate": func(ctx context.Context) error {
			b := fake.New(fake.Config{Model: fake.ModelConfig{Hang: "generate", AfterTokens: 3}})
			if _, err := b.LoadModel(ctx, backend.LoadRequest{ID: modelID, Path: path}, nil); err != nil {
				return err
			}
			return b.Generate(ctx, request(10), ignoreEvents)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start := time.Now()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
				t.Errorf("%s: %v after %v", name, err, time.Since(start))
			}
		})
	}
}

func TestBadHealth(t *testing.T) {
	h, err := fake.New(fake.Config{Health: "bad"}).Health(t.Context())
	if err != nil || h.OK || h.Message == "" {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestFail(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	b := fake.New(fake.Config{Model: fake.ModelConfig{Fail: "told to fail", AfterTokens: 2, Once: once}})
	load(t, b, nil)
	tokens := 0
	err := b.Generate(t.Context(), request(5), func(e backend.Event) error {
		tokens += len(e.Tokens)
		return nil
	})
	if err == nil || err.Error() != "told to fail" || tokens != 2 {
		t.Errorf("%d tokens, %v", tokens, err)
	}
	if _, final := answer(t, b, request(5)); final.OutputTokens != 5 {
		t.Errorf("the second answer: %+v", final)
	}
}

// TestPace measures by a clock that only moves when all wait.
func TestPace(t *testing.T) {
	path := modelFile(t)
	synctest.Test(t, func(t *testing.T) {
		b := fake.New(fake.Config{Model: fake.ModelConfig{
			Load: fake.Duration(2 * time.Second), TokensPerSecond: 10, PrefillPerSecond: 100,
		}})
		start := time.Now()
		var last float32
		_, err := b.LoadModel(t.Context(), backend.LoadRequest{ID: modelID, Path: path}, func(p backend.LoadProgress) { last = p.Fraction })
		if err != nil || time.Since(start) != 2*time.Second || last != 1 {
			t.Errorf("loading took %v to %v, %v", time.Since(start), last, err)
		}
		req := request(20)
		req.Prompt = backend.Prompt{Tokens: make([]backend.Token, 50)}
		start = time.Now()
		_, final := answer(t, b, req)
		if took := time.Since(start); took != 2500*time.Millisecond {
			t.Errorf("50 prompt tokens and 20 tokens took %v", took)
		}
		if final.Timings.Prefill != 500*time.Millisecond || final.Timings.Generate != 2*time.Second {
			t.Errorf("timings %+v", final.Timings)
		}
	})
}
