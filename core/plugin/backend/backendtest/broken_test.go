package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestChecksFail holds every check to failing where its promise is broken.
func TestChecksFail(t *testing.T) {
	var calls atomic.Int64
	same := func(text []byte) []byte { return text }
	keep := func(*backend.TokenizeRequest) {}
	for _, c := range []struct {
		check string
		b     backend.Backend
	}{
		{"info/identity", &evaluator{}},
		{"info/health", &evaluator{}},
		{"info/unknown-model", &broken{unload: func(good backend.Backend, ctx context.Context, id backend.ModelID) error {
			if err := good.UnloadModel(ctx, id); !errors.Is(err, backend.ErrModelNotLoaded) {
				return err
			}
			return nil
		}}},
		{"load/progress", &broken{load: func(good backend.Backend, ctx context.Context, req backend.LoadRequest, progress progressFunc) (backend.ModelInfo, error) {
			return good.LoadModel(ctx, req, func(p backend.LoadProgress) { progress(backend.LoadProgress{Fraction: 1 - p.Fraction}) })
		}}},
		{"load/info", onInfo(func(i *backend.ModelInfo) { i.EndTokens = append(i.EndTokens, 1<<30) })},
		{"load/options", onLoad(func(r *backend.LoadRequest) { r.Options.Batch = 0 })},
		{"load/file", onLoad(func(r *backend.LoadRequest) {
			if strings.Contains(r.Path, "missing") {
				r.Path = os.Args[0]
			}
		})},
		{"load/invalid", onLoad(func(r *backend.LoadRequest) { r.Options.Extra = nil })},
		{"load/twice", &broken{load: func(good backend.Backend, ctx context.Context, req backend.LoadRequest, progress progressFunc) (backend.ModelInfo, error) {
			info, err := good.LoadModel(ctx, req, progress)
			if errors.Is(err, base.ErrExists) {
				return info, nil
			}
			return info, err
		}}},
		{"load/binding", onLoad(func(r *backend.LoadRequest) { r.Bindings = backend.Bindings{} })},
		{"load/redraft", &redrafter{}},
		{"tokens/round-trip", &tokenizer{detokenize: func(text []byte) []byte { return []byte(strings.ToUpper(string(text))) }, tokenize: keep}},
		{"tokens/special", &tokenizer{detokenize: same, tokenize: func(r *backend.TokenizeRequest) { r.ParseSpecial = true }}},
		{"tokens/special", onInfo(func(i *backend.ModelInfo) { i.AddBOS = false })},
		{"tokens/unknown", onRequest(func(r *backend.GenerateRequest) { r.Prompt = backend.Prompt{Text: "x"} })},
		{"tokens/large", &tokenizer{detokenize: same, tokenize: func(r *backend.TokenizeRequest) {
			if len(r.Text) > 4<<20 {
				r.Text = ""
			}
		}}},
		{"generate/events", onEvent(func(e *backend.Event) { e.Prompt = &backend.PromptInfo{Tokens: 1} })},
		{"generate/events", onEvent(func(e *backend.Event) { e.Prompt = nil })},
		{"generate/events", onEvent(func(e *backend.Event) { e.Final = nil })},
		{"generate/events", onRequest(func(r *backend.GenerateRequest) { r.MaxTokens++ })},
		{"generate/events", onFinal(func(f *backend.Final) { f.OutputTokens++ })},
		{"generate/events", onFinal(func(f *backend.Final) { f.Reason = backend.FinishStop })},
		{"generate/text", onEvent(func(e *backend.Event) { e.Text = strings.ToUpper(e.Text) })},
		{"generate/greedy", onRequest(func(r *backend.GenerateRequest) { r.Sampling.Temperature = 2 })},
		{"generate/tokens-prompt", onRequest(func(r *backend.GenerateRequest) { r.Prompt.Tokens = r.Prompt.Tokens[len(r.Prompt.Tokens)/2:] })},
		{"generate/stop-string", onRequest(func(r *backend.GenerateRequest) { r.Stop = nil })},
		{"generate/stop-string", onFinal(func(f *backend.Final) { f.StopString = "" })},
		{"generate/stop-miss", onRequest(func(r *backend.GenerateRequest) {
			for i, s := range r.Stop {
				r.Stop[i] = s[:len(s)-1]
			}
		})},
		{"generate/end-token", onFinal(func(f *backend.Final) { f.Reason = backend.FinishLength })},
		{"generate/end-token", onRequest(func(r *backend.GenerateRequest) { r.KeepSpecial = true })},
		{"generate/cache", onRequest(func(r *backend.GenerateRequest) { r.NoCache = false })},
		{"generate/cache", onRequest(func(r *backend.GenerateRequest) { r.NoCache = true })},
		{"sampling/seed", onRequest(func(r *backend.GenerateRequest) { r.Sampling.Seed = 0 })},
		{"sampling/seed", onFinal(func(f *backend.Final) { f.Seed = 0 })},
		{"sampling/seeds-differ", onRequest(func(r *backend.GenerateRequest) { r.Sampling.Temperature = 0 })},
		{"sampling/logit-bias", onRequest(func(r *backend.GenerateRequest) { r.Sampling.LogitBias = nil })},
		{"sampling/ignore-eos", onRequest(func(r *backend.GenerateRequest) { r.Sampling.IgnoreEOS = false })},
		{"sampling/top-k-one", onRequest(func(r *backend.GenerateRequest) { r.Sampling.TopK = 0 })},
		{"sampling/invalid", onRequest(func(r *backend.GenerateRequest) { r.Sampling.TopP = 0 })},
		{"logprobs/greedy", onEvent(func(e *backend.Event) {
			for i := range e.Logprobs {
				slices.Reverse(e.Logprobs[i].Top)
			}
		})},
		{"logprobs/greedy", onRequest(func(r *backend.GenerateRequest) { r.TopLogprobs = 2 })},
		{"logprobs/model", onEvent(func(e *backend.Event) {
			for i := range e.Logprobs {
				e.Logprobs[i].Logprob -= float32(calls.Add(1))
			}
		})},
		{"logprobs/none", onRequest(func(r *backend.GenerateRequest) { r.Logprobs = true })},
		{"limits/context-full", onRequest(func(r *backend.GenerateRequest) { r.Prompt.Tokens = r.Prompt.Tokens[:10] })},
		{"limits/context-end", onRequest(func(r *backend.GenerateRequest) { r.MaxTokens = 3 })},
		{"limits/busy", onLoad(func(r *backend.LoadRequest) { r.Options.Queue = 100 })},
		{"concurrency/same-answer", onRequest(func(r *backend.GenerateRequest) {
			r.Prompt.Text += strings.Repeat(".", int(calls.Add(1))) // no two calls ask the same
		})},
		{"concurrency/cancel", &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
			return good.Generate(context.WithoutCancel(ctx), req, func(e backend.Event) error { _ = emit(e); return nil })
		}}},
		{"concurrency/cancel-waiting", onLoad(func(r *backend.LoadRequest) { r.Options.Parallel = 2 })},
		{"concurrency/emit-error", &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
			return good.Generate(ctx, req, func(e backend.Event) error {
				if emit(e) != nil {
					return context.Canceled
				}
				return nil
			})
		}}},
		{"concurrency/unload", &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
			err := good.Generate(ctx, req, emit)
			if errors.Is(err, backend.ErrModelNotLoaded) {
				return base.ErrInvalid
			}
			return err
		}}},
		{"constraint/grammar", onRequest(func(r *backend.GenerateRequest) { r.Constraint = backend.Constraint{} })},
		{"constraint/json-schema", onRequest(func(r *backend.GenerateRequest) { r.Constraint = backend.Constraint{JSONSchema: "{}"} })},
		{"constraint/invalid", onRequest(func(r *backend.GenerateRequest) { r.Constraint = backend.Constraint{} })},
		{"score/agrees", &evaluator{}},
		{"score/distributions", &evaluator{}},
		{"embed/vectors", &evaluator{}},
		{"stats/add-up", &evaluator{}},
		{"stats/now", &broken{generate: func(good backend.Backend, ctx context.Context, req backend.GenerateRequest, emit emitFunc) error {
			<-ctx.Done()
			return ctx.Err()
		}}},
		{"pages/unsupported", &pager{park: func(backend.Pager, context.Context, backend.ModelID) error { return nil }}},
		{"pages/options", breaking(onLoad(func(r *backend.LoadRequest) { r.Options.Cache.Sinks = 0 }))},
		{"pages/options", breaking(onInfo(func(i *backend.ModelInfo) { i.Options.Cache.ParkAfter = 0 }))},
		{"pages/park", &pager{park: func(good backend.Pager, ctx context.Context, id backend.ModelID) error {
			go func() { _ = good.ParkModel(ctx, id) }()
			return nil
		}}},
		{"pages/park", &pager{page: func(p *backend.Page) { p.Tokens = p.Tokens[len(p.Tokens)-backend.PageTokens:] }}},
		{"pages/park", &pager{page: func(p *backend.Page) { p.Nominal = 0 }}},
		{"pages/idle", breaking(onLoad(func(r *backend.LoadRequest) { r.Options.Cache.ParkAfter = max(r.Options.Cache.ParkAfter, time.Hour) }))},
		{"pages/give-way", breaking(onLoad(func(r *backend.LoadRequest) {
			r.Options.Parallel, r.Options.CacheTokens = 100, 1<<20
		}))},
		{"pages/restore", breaking(onInfo(func(i *backend.ModelInfo) { i.PageFormat += fmt.Sprint(calls.Add(1)) }))},
		{"pages/restore", &pager{bring: func(r *backend.ImportRequest) { r.Available-- }}},
		{"pages/restore", breaking(onRequest(func(r *backend.GenerateRequest) { r.NoCache = true }))},
		{"pages/cached", &pager{bring: func(r *backend.ImportRequest) { r.Scope = "another" }}},
		{"pages/lost", &pager{bring: func(r *backend.ImportRequest) { r.Available += 9 }}},
		{"pages/corrupt", &pager{data: func([]byte) ([]byte, error) { return nil, errors.New("no page") }}},
		{"pages/missing", &pager{bring: func(r *backend.ImportRequest) { r.Available = 2 }}},
		{"pages/scope", breaking(onRequest(func(r *backend.GenerateRequest) { r.Scope = "one for all" }))},
		{"pages/scope", &pager{bring: func(r *backend.ImportRequest) { r.Scope = "" }}},
		{"pages/private", breaking(onRequest(func(r *backend.GenerateRequest) { r.NoCache = false }))},
		{"pages/export", &pager{early: true}},
		{"pages/export", &pager{end: func(error) error { return errors.New("it ended") }}},
	} {
		t.Run(c.check, func(t *testing.T) {
			good := fake.New(fake.Config{})
			switch b := c.b.(type) {
			case *broken:
				b.Backend = good
			case *tokenizer:
				b.Backend = good
			case *evaluator:
				b.Backend = good
			case *redrafter:
				b.Backend = good
			case *pager:
				b.Backend = good
			}
			var results []backendtest.Result
			err := backendtest.RunAll(t.Context(), env(t, c.b), only(c.check), func(r backendtest.Result) { results = append(results, r) })
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("the check says: %v", results[0].Err)
			reason, skipped := results[0].Skipped()
			if results[0].Err == nil || skipped {
				t.Errorf("the check passed or was skipped: %q", reason)
			}
		})
	}
}

func env(t *testing.T, b backend.Backend) *backendtest.Env {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, []byte("any file is a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &backendtest.Env{
		Backend:  b,
		Path:     path,
		Slow:     map[string]string{"tokens_per_second": "500"},
		Patience: 2 * time.Second,
	}
}

func only(name string) []backendtest.Check {
	all := backendtest.Checks()
	i := slices.IndexFunc(all, func(c backendtest.Check) bool { return c.Name == name })
	return all[i : i+1]
}

// TestChecksAreNamed keeps names unique, since people choose by them.
func TestChecksAreNamed(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range backendtest.Checks() {
		if seen[c.Name] || !strings.Contains(c.Name, "/") || !strings.HasSuffix(c.Doc, ".") || c.Run == nil {
			t.Errorf("check %+v", c)
		}
		seen[c.Name] = true
	}
}

// plain announces nothing.
type plain struct{ backend.Backend }

func (p plain) Info(ctx context.Context) (base.Info, error) {
	info, err := p.Backend.Info(ctx)
	info.Capabilities = nil
	return info, err
}

func TestWithoutCapabilities(t *testing.T) {
	skipped := 0
	e := env(t, plain{fake.New(fake.Config{})})
	err := backendtest.RunAll(t.Context(), e, backendtest.Checks(), func(r backendtest.Result) {
		_, skip := r.Skipped()
		switch {
		case skip:
			skipped++
		case r.Check.Name == "constraint/unsupported" || r.Check.Name == "evaluate/unsupported":
			if r.Err == nil {
				t.Errorf("%s: the fake can what it does not announce", r.Check.Name)
			}
		case r.Err != nil:
			t.Errorf("%s: %v", r.Check.Name, r.Err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	if skipped != 21 {
		t.Errorf("%d checks were skipped", skipped)
	}
}
