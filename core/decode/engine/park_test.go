package engine_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// store takes pages as the host does.
type store struct {
	mu    sync.Mutex
	pages map[string][]byte // by scope and tokens
	puts  int
	err   error // of the export, once done is closed
	done  chan struct{}
	end   context.CancelFunc
}

func pageID(scope string, tokens []backend.Token) string {
	var b strings.Builder
	b.WriteString(scope + "|")
	for _, t := range tokens {
		b.WriteRune(t)
	}
	return b.String()
}

// take begins to take an engine's pages. What known stores have is there already.
func take(t testing.TB, e *engine.Engine, known ...*store) *store {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	pages := map[string][]byte{}
	for _, k := range known {
		maps.Copy(pages, k.pages)
	}
	s := &store{pages: pages, done: make(chan struct{}), end: cancel}
	open := make(chan struct{})
	opened := sync.OnceFunc(func() { close(open) })
	go func() {
		defer close(s.done)
		defer opened()
		s.err = e.ExportPages(ctx, opened, func(p backend.Page) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if parent := p.Tokens[:len(p.Tokens)-backend.PageTokens]; len(parent) > 0 && s.pages[pageID(p.Scope, parent)] == nil {
				t.Errorf("page of %d tokens before the one it follows", len(p.Tokens))
			}
			s.pages[pageID(p.Scope, p.Tokens)] = p.Data
			s.puts++
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	<-open
	return s
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.puts
}

// bring restores what the store has of a prompt.
func (s *store) bring(ctx context.Context, t testing.TB, e *engine.Engine, scope string, prompt []backend.Token) backend.ImportResult {
	t.Helper()
	s.mu.Lock()
	var pages [][]byte
	for end := backend.PageTokens; end <= len(prompt); end += backend.PageTokens {
		data := s.pages[pageID(scope, prompt[:end])]
		if data == nil {
			break
		}
		pages = append(pages, data)
	}
	s.mu.Unlock()
	r, err := e.ImportPages(ctx, backend.ImportRequest{Scope: scope, Tokens: prompt, Available: len(pages)},
		func(i int) ([]byte, error) { return pages[i], nil })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("import: %v", err)
	}
	return r
}

func park(t testing.TB, e *engine.Engine) {
	t.Helper()
	if err := e.ParkModel(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func parking() engine.Options { return engine.Options{ParkAfter: time.Hour} }

func long(n int) backend.Prompt {
	return backend.Prompt{Tokens: text(strings.Repeat("a long story ", 100)).Tokens[:n]}
}

// story is a request that continues a long prompt.
func story(n int) backend.GenerateRequest {
	return backend.GenerateRequest{Prompt: long(200), MaxTokens: n, Sampling: backend.Sampling{IgnoreEOS: true}}
}

func TestParkAndRestore(t *testing.T) {
	for _, free := range []bool{true, false} {
		l := limits()
		l.CopyIsFree, l.Cells = free, 1024
		e, _ := start(t, enginetest.Config{Limits: l}, parking())
		s := take(t, e)
		a := ask(t, e, story(60))
		park(t, e)
		if s.count() != 4 { // 259 tokens were computed
			t.Fatalf("%d pages", s.count())
		}
		park(t, e)
		if st := e.Stats(); s.count() != 4 || st.PagesPacked != 4 || st.PackedBytes != 4*(4*64+4) {
			t.Fatalf("%d pages, %+v", s.count(), st)
		}

		other, _ := start(t, enginetest.Config{Limits: l}, parking())
		again := take(t, other, s)
		if r := s.bring(t.Context(), t, other, "", long(200).Tokens); r != (backend.ImportResult{Tokens: 192, Restored: 3}) {
			t.Fatalf("%+v", r)
		}
		park(t, other)
		b := ask(t, other, story(60))
		if b.prompt.Cached != 192 || !slices.Equal(a.tokens, b.tokens) {
			t.Errorf("%d cached, %v and %v", b.prompt.Cached, a.tokens, b.tokens)
		}
		park(t, other)
		if again.count() != 1 {
			t.Errorf("%d pages came again, want the one that is new", again.count())
		}
	}
}

func TestIdleSessionsAreParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := start(t, enginetest.Config{Limits: limits()}, parking())
		s := take(t, e)
		ask(t, e, backend.GenerateRequest{Prompt: long(100)})
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		before := s.count()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if before != 0 || s.count() != 1 {
			t.Errorf("%d pages before, %d after", before, s.count())
		}
		s.end()
		<-s.done
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSessionsThatGiveWayAreParked(t *testing.T) {
	l := limits()
	l.Sequences, l.Cells = 2, 300
	e, _ := start(t, enginetest.Config{Limits: l}, engine.Options{Parallel: 1, ParkAfter: time.Hour})
	s := take(t, e)
	park(t, e)
	first := long(140).Tokens
	ask(t, e, backend.GenerateRequest{Prompt: backend.Prompt{Tokens: first}})
	for _, other := range []string{"b", "c"} {
		ask(t, e, backend.GenerateRequest{Prompt: text(strings.Repeat(other, 150))})
	}
	park(t, e)
	r := s.bring(t.Context(), t, e, "", first)
	if r.Restored != 2 {
		t.Errorf("%+v", r)
	}
}

func TestWhatIsNotParked(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, parking())
	s := take(t, e)
	ask(t, e, backend.GenerateRequest{Prompt: long(100), NoCache: true})
	if _, err := e.Score(t.Context(), backend.ScoreRequest{Tokens: long(100).Tokens, From: 1}); err != nil {
		t.Fatal(err)
	}
	ask(t, e, backend.GenerateRequest{Prompt: long(50)}) // takes the cells of both
	park(t, e)
	if s.count() != 0 {
		t.Errorf("%d pages", s.count())
	}
}

func TestScopesAreApart(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, parking())
	s := take(t, e)
	cached := func(scope string) int {
		return ask(t, e, backend.GenerateRequest{Prompt: long(100), Scope: scope, MaxTokens: 1}).prompt.Cached
	}
	for i, step := range []struct {
		scope string
		want  int
	}{{"a", 0}, {"b", 0}, {"a", 99}, {"", 0}, {"b", 99}} {
		if n := cached(step.scope); n != step.want {
			t.Errorf("step %d, scope %q: %d cached, want %d", i, step.scope, n, step.want)
		}
	}
	park(t, e)
	if r := s.bring(t.Context(), t, e, "c", long(100).Tokens); r.Tokens != 0 || s.count() != 3 {
		t.Errorf("%+v, %d pages", r, s.count())
	}
}

func TestLostPagesComeAgain(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, parking())
	s := take(t, e)
	ask(t, e, backend.GenerateRequest{Prompt: long(200)})
	park(t, e)
	if _, err := e.ImportPages(t.Context(), backend.ImportRequest{Tokens: long(200).Tokens, Available: 1}, nil); err != nil {
		t.Fatal(err)
	}
	park(t, e)
	if s.count() != 3+2 {
		t.Errorf("%d pages", s.count())
	}
}

func TestImportFails(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, parking())
	s := take(t, e)
	ask(t, e, backend.GenerateRequest{Prompt: long(200)})
	park(t, e)
	other, fake := start(t, enginetest.Config{Limits: limits()}, parking())
	prompt := long(200).Tokens
	page := func(i int) []byte { return slices.Clone(s.pages[pageID("", prompt[:(i+1)*64])]) }
	missing := errors.New("missing")
	for _, tc := range []struct {
		page func(i int) ([]byte, error)
		want error
	}{
		{func(i int) ([]byte, error) { return page(i)[i:], nil }, base.ErrCorrupt},
		{func(i int) ([]byte, error) {
			if i == 1 {
				return nil, missing
			}
			return page(i), nil
		}, missing},
	} {
		r, err := other.ImportPages(t.Context(), backend.ImportRequest{Tokens: prompt, Available: 3}, tc.page)
		if !errors.Is(err, tc.want) || r.Tokens != 64 {
			t.Errorf("%+v, %v", r, err)
		}
		ask(t, other, backend.GenerateRequest{Prompt: text(strings.Repeat("x", 400))}) // nothing is cached after
		if used, _ := fake.Cells(); used > 512 {
			t.Errorf("%d cells", used)
		}
		prompt = slices.Clone(prompt)
	}
}

func TestNoParking(t *testing.T) {
	e, _ := start(t, enginetest.Config{Limits: limits()}, engine.Options{})
	_, err := e.ImportPages(t.Context(), backend.ImportRequest{}, nil)
	for _, err := range []error{err, e.ParkModel(t.Context()), e.ExportPages(t.Context(), nil, nil)} {
		if !errors.Is(err, base.ErrUnsupported) {
			t.Error(err)
		}
	}
}

// TestParkingWorkload parks and restores while requests of all kinds come and go: no answer changes, no
// cell is lost.
func TestParkingWorkload(t *testing.T) {
	var restored int64
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		synctest.Test(t, func(t *testing.T) {
			config := enginetest.Config{
				Limits:       engine.Limits{Sequences: 3 + random.IntN(3), Cells: 300 + random.IntN(500), Batch: 64, CopyIsFree: random.IntN(3) > 0},
				RefuseRemove: random.IntN(6) == 0, RefuseCopy: random.IntN(6) == 0,
				BeforeStep: tick,
			}
			after := time.Duration(1+random.IntN(20)) * time.Millisecond
			e, fake := start(t, config, engine.Options{Context: 300, Parallel: 3, ParkAfter: after})
			s := take(t, e)
			var wg sync.WaitGroup
			for range 25 {
				at := time.Duration(random.IntN(400)) * time.Millisecond
				prompt := slices.Concat(long(64*random.IntN(4)+random.IntN(30)).Tokens, text(strings.Repeat(string(rune('p'+random.IntN(3))), 1+random.IntN(20))).Tokens)
				req := backend.GenerateRequest{Prompt: backend.Prompt{Tokens: prompt}, MaxTokens: 1 + random.IntN(30), Scope: []string{"", "a"}[random.IntN(2)]}
				wg.Go(func() {
					time.Sleep(at)
					s.bring(t.Context(), t, e, req.Scope, prompt)
					a := ask(t, e, req)
					if want := naive(t, prompt, req.Sampling, req.MaxTokens, nil); !slices.Equal(a.tokens, want) {
						t.Errorf("%v, want %v", a.tokens, want)
					}
				})
			}
			wg.Wait()
			park(t, e)
			stats := e.Stats()
			restored += stats.TokensRestored
			s.end()
			<-s.done
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if used, held := fake.Cells(); stats.CellsUsed != used {
				t.Errorf("%d cells used, held %d times: %+v", used, held, stats)
			}
		})
		if t.Failed() {
			t.Fatalf("workload of seed %d", seed)
		}
	}
	if restored < 1000 {
		t.Errorf("the workloads restore %d tokens", restored)
	}
}
