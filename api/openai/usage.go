package openai

import (
	"strconv"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func appendUsage(b []byte, f *backend.Final) []byte {
	b = append(b, '{')
	b = appendInt(b, `"prompt_tokens":`, f.PromptTokens)
	b = appendInt(b, `,"completion_tokens":`, f.OutputTokens)
	b = appendInt(b, `,"total_tokens":`, f.PromptTokens+f.OutputTokens)
	b = appendInt(b, `,"prompt_tokens_details":{"cached_tokens":`, f.CachedTokens)
	b = append(b, '}')
	if d := &f.Draft; d.Drafted > 0 {
		b = appendInt(b, `,"completion_tokens_details":{"accepted_prediction_tokens":`, d.Accepted)
		b = appendInt(b, `,"rejected_prediction_tokens":`, d.Drafted-d.Accepted)
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendTimings appends what llama-server says under the same names.
func appendTimings(b []byte, f *backend.Final) []byte {
	computed := f.PromptTokens - f.CachedTokens
	b = append(b, '{')
	b = appendInt(b, `"cache_n":`, f.CachedTokens)
	b = appendInt(b, `,"prompt_n":`, computed)
	b = appendRate(b, "prompt", computed, f.Timings.Prefill)
	b = appendInt(b, `,"predicted_n":`, f.OutputTokens)
	b = appendRate(b, "predicted", f.OutputTokens, f.Timings.Generate)
	b = appendFloat(append(b, `,"queue_ms":`...), milliseconds(f.Timings.Queue))
	if f.RestoredTokens > 0 {
		b = appendInt(b, `,"restored_n":`, f.RestoredTokens)
		b = appendFloat(append(b, `,"restore_ms":`...), milliseconds(f.Timings.Restore))
	}
	if f.Draft.Drafted > 0 {
		b = appendInt(b, `,"draft_n":`, f.Draft.Drafted)
		b = appendInt(b, `,"draft_n_accepted":`, f.Draft.Accepted)
		b = appendFloat(append(b, `,"draft_mean_committed":`...), f.Draft.Committed())
		b = appendFloat(append(b, `,"draft_verify_ms":`...), milliseconds(f.Draft.Verify))
		b = appendFloat(append(b, `,"draft_propose_ms":`...), milliseconds(f.Draft.Propose))
	}
	if f.Draft.Off != "" {
		b = strconv.AppendQuote(append(b, `,"draft_off":`...), string(f.Draft.Off))
	}
	return append(b, '}')
}

// appendRate appends <name>_ms, <name>_per_token_ms and <name>_per_second. A rate of nothing is 0.
func appendRate(b []byte, name string, n int, took time.Duration) []byte {
	ms := milliseconds(took)
	perToken, perSecond := 0.0, 0.0
	if n > 0 {
		perToken = ms / float64(n)
	}
	if took > 0 {
		perSecond = float64(n) / took.Seconds()
	}
	for _, v := range []struct {
		unit  string
		value float64
	}{{`_ms":`, ms}, {`_per_token_ms":`, perToken}, {`_per_second":`, perSecond}} {
		b = append(append(append(b, `,"`...), name...), v.unit...)
		b = appendFloat(b, v.value)
	}
	return b
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func appendInt(b []byte, key string, n int) []byte {
	return strconv.AppendInt(append(b, key...), int64(n), 10)
}

func appendFloat(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'f', 3, 64) }
