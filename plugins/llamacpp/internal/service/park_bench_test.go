package service_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// BenchmarkRestore restores 1,024 tokens, and prefills as many in the same operation: "times" is how much
// faster the first is, from the call to the moment when the cache holds them.
func BenchmarkRestore(b *testing.B) {
	for _, tc := range []struct {
		name   string
		params map[string]string
	}{
		{"none", nil}, {"e8-q38", map[string]string{"q": "38"}}, {"e8-q10", map[string]string{"q": "10"}},
		{"e8-q38-fixed", map[string]string{"q": "38", "coding": "fixed"}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			var p *testcodec.Plugin
			if tc.params != nil {
				p = testcodec.Start(b, testcodec.E8)
			}
			s := service.New("bench", slog.New(slog.DiscardHandler))
			defer func() { require.NoError(b, s.Close(context.Background())) }()
			o := backend.LoadOptions{Context: 2048, CacheTokens: 4096}
			o.Cache.ParkAfter = time.Hour
			bound(b, s, testmodel.SmolLM2(b), o, p, tc.params)
			text := tokenize(b, s, story)
			for len(text) < 1026 {
				text = append(text, text...)
			}
			prompt := text[:1026]
			store := pages{}
			generate(b, s, tokensRequest(prompt, 1))
			began := time.Now()
			store.parkAll(b, s)
			packing := time.Since(began)
			list := store.of(prompt)
			require.Len(b, list, 16)
			var prefill, restore time.Duration
			n := 0
			for b.Loop() {
				n++
				scope := time.Now().String() // nothing is cached in it
				began := time.Now()
				r, err := s.ImportPages(b.Context(), backend.ImportRequest{Model: "m", Scope: scope, Tokens: prompt, Available: len(list)},
					func(i int) ([]byte, error) { return list[i], nil })
				restore += time.Since(began)
				require.NoError(b, err)
				require.Equal(b, 1024, r.Tokens)
				req := tokensRequest(slices.Clone(prompt[:1024]), 1)
				req.NoCache = true
				prefill += generate(b, s, req).final.Timings.Prefill
			}
			bytes, nominal := 0, int64(0)
			for _, page := range store {
				bytes += len(page.Data)
				nominal += page.Nominal
			}
			b.ReportMetric(float64(prefill)/float64(restore), "times")
			b.ReportMetric(restore.Seconds()*1000/float64(n), "ms/restore")
			b.ReportMetric(prefill.Seconds()*1000/float64(n), "ms/prefill")
			b.ReportMetric(packing.Seconds()*1000, "ms/packing")
			b.ReportMetric(float64(bytes)/float64(nominal)*16, "bits")
		})
	}
}
