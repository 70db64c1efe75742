package service_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// bound loads a model with a codec, none when p is nil.
func bound(t testing.TB, s *service.Service, path string, o backend.LoadOptions, p *testcodec.Plugin, params map[string]string) backend.ModelInfo {
	t.Helper()
	req := backend.LoadRequest{ID: "m", Path: path, Options: o}
	if p != nil {
		req.Bindings.Codec = p.Link(t, params)
	}
	info, err := s.LoadModel(context.Background(), req, nil)
	require.NoError(t, err)
	return info
}

func parking() backend.LoadOptions {
	o := oneThread
	o.Cache.ParkAfter = time.Hour
	return o
}

// pages are what was handed over, by the tokens that they end with.
type pages map[string]backend.Page

func (p pages) of(prompt []backend.Token) (list [][]byte) {
	for end := backend.PageTokens; end <= len(prompt); end += backend.PageTokens {
		page, ok := p[fmt.Sprint(prompt[:end])]
		if !ok {
			break
		}
		list = append(list, page.Data)
	}
	return list
}

// parkAll hands over what the model holds.
func (p pages) parkAll(t testing.TB, s *service.Service) (came int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done, open := make(chan error, 1), make(chan struct{})
	go func() {
		done <- s.ExportPages(ctx, "m", func() { close(open) }, func(page backend.Page) error {
			p[fmt.Sprint(page.Tokens)] = page
			came++
			return nil
		})
	}()
	<-open
	require.NoError(t, s.ParkModel(t.Context(), "m"))
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	return came
}

// restore brings what there is of a prompt.
func (p pages) restore(t testing.TB, s *service.Service, prompt []backend.Token) backend.ImportResult {
	t.Helper()
	list := p.of(prompt)
	r, err := s.ImportPages(t.Context(), backend.ImportRequest{Model: "m", Tokens: prompt, Available: len(list)},
		func(i int) ([]byte, error) { return list[i], nil })
	require.NoError(t, err)
	return r
}

func tokensRequest(tokens []backend.Token, n int) backend.GenerateRequest {
	return backend.GenerateRequest{
		Prompt: backend.Prompt{Tokens: tokens}, MaxTokens: n, Sampling: backend.Sampling{IgnoreEOS: true},
		Logprobs: true, TopLogprobs: 5,
	}
}

// TestParkedSession takes a conversation through parking, once and five times, each time into a fresh
// load of the model.
func TestParkedSession(t *testing.T) {
	path := testmodel.SmolLM2(t)
	e8 := testcodec.Start(t, testcodec.E8)
	for _, tc := range []struct {
		name   string
		codec  *testcodec.Plugin
		params map[string]string
	}{
		{"none", nil, nil},
		{"e8", e8, map[string]string{"q": "38"}},
		{"e8 with a boundary", e8, map[string]string{"q": "10", "boundary": "2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			turn := func(store pages, prompt []backend.Token, restored int) (answer, int) {
				s := newService(t)
				bound(t, s, path, parking(), tc.codec, tc.params)
				r := store.restore(t, s, prompt)
				require.Equal(t, restored, r.Restored)
				a := generate(t, s, tokensRequest(prompt, 24))
				require.Equal(t, r.Tokens, a.prompt.Cached)
				came := store.parkAll(t, s)
				require.NoError(t, s.UnloadModel(t.Context(), "m"))
				return a, came
			}
			never := newService(t)
			bound(t, never, path, parking(), tc.codec, tc.params)
			first := tokenize(t, never, strings.Repeat(story+" ", 5))
			require.Greater(t, len(first), 2*backend.PageTokens)
			one := generate(t, never, tokensRequest(first, 24))
			second := slices.Concat(first, one.tokens, tokenize(t, never, " And then?"))
			want := generate(t, never, tokensRequest(second, 24))

			store := pages{}
			parked, came := turn(store, first, 0)
			require.Equal(t, one.tokens, parked.tokens)
			require.Equal(t, (len(first)+23)/backend.PageTokens, came)
			once, _ := turn(store, second, len(store))
			before := maps.Clone(store)
			if tc.codec == nil {
				require.Equal(t, want.tokens, once.tokens)
				require.Equal(t, want.logprobs, once.logprobs, "pages stored as they are change no bit")
			}
			for range 4 {
				again, came := turn(store, second, len(store.of(second)))
				require.LessOrEqual(t, came, 1, "the page that the answer was computed into, none that was restored")
				require.Equal(t, before, store)
				require.Equal(t, once.tokens, again.tokens)
			}
		})
	}
}

// TestPagesConformance holds another model, with a sliding window, and a codec to the contract of pages.
func TestPagesConformance(t *testing.T) {
	connection, err := backendtest.Connect(newService(t), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connection.Close()) })
	var checks []backendtest.Check
	for _, c := range backendtest.Checks() {
		if strings.HasPrefix(c.Name, "pages/") {
			checks = append(checks, c)
		}
	}
	env := &backendtest.Env{
		Backend: connection, Path: testmodel.Gemma3(t), Options: oneThread, Patience: 5 * time.Minute,
		NearTie: nearTie, LogprobError: nearTie,
	}
	require.NoError(t, backendtest.RunAll(t.Context(), env, checks, func(r backendtest.Result) {
		require.NoError(t, r.Err, r.Check.Name)
	}))
}

// TestLiveCodecIsKilled kills the codec in the middle of an answer: it ends with an error, as later ones
// do, and what had come was right.
func TestLiveCodecIsKilled(t *testing.T) {
	e8 := testcodec.Start(t, testcodec.E8)
	s := newService(t)
	o := oneThread
	o.Cache.Mode = backend.CacheLive
	info := bound(t, s, testmodel.SmolLM2(t), o, e8, map[string]string{"q": "38"})
	require.Equal(t, backend.CacheOptions{Mode: backend.CacheLive, Sinks: 1}, info.Options.Cache)
	require.Empty(t, info.PageFormat)
	prompt := tokenize(t, s, story)
	whole := generate(t, s, tokensRequest(prompt, 60))

	req := tokensRequest(prompt, 0)
	req.Model = "m"
	var got []backend.Token
	err := s.Generate(t.Context(), req, func(e backend.Event) error {
		if got = append(got, e.Tokens...); len(got) == 10 {
			e8.Kill(t)
		}
		return nil
	})
	require.ErrorIs(t, err, base.ErrPluginGone)
	n := min(len(got), len(whole.tokens))
	require.Equal(t, whole.tokens[:n], got[:n])
	_, err = tryGenerate(t.Context(), s, tokensRequest(prompt, 1))
	require.ErrorIs(t, err, base.ErrPluginGone)
	_, err = s.Score(t.Context(), backend.ScoreRequest{Model: "m", Tokens: prompt, From: 1})
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.NoError(t, s.UnloadModel(t.Context(), "m"))
}

// TestCodecIsRefused loads what a codec cannot be used with.
func TestCodecIsRefused(t *testing.T) {
	e8 := testcodec.Start(t, testcodec.E8)
	for name, tc := range map[string]struct {
		change func(*backend.LoadOptions)
		params map[string]string
		want   error
	}{
		"parameter":          {nil, map[string]string{"quality": "1"}, base.ErrInvalid},
		"boundary":           {nil, map[string]string{"boundary": "two"}, base.ErrInvalid},
		"unreadable cells":   {func(o *backend.LoadOptions) { o.Extra = map[string]string{"flash_attn": "off"} }, nil, base.ErrUnsupported},
		"recent when parked": {func(o *backend.LoadOptions) { o.Cache.Recent = 3 }, nil, base.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			o := oneThread
			if tc.change != nil {
				tc.change(&o)
			}
			_, err := s.LoadModel(t.Context(), backend.LoadRequest{
				ID: "m", Path: testmodel.SmolLM2(t), Options: o, Bindings: backend.Bindings{Codec: e8.Link(t, tc.params)},
			}, nil)
			require.ErrorIs(t, err, tc.want)
		})
	}
}
