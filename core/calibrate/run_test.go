package calibrate

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	backendfake "github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// envCodec makes this test's binary a codec that learns, in the way that it says.
const envCodec = "KAKEYA_TEST_CODEC"

func TestMain(m *testing.M) {
	if how := os.Getenv(envCodec); how != "" {
		os.Exit(learn(how))
	}
	goleak.VerifyTestMain(m)
}

// learn is the codec.
func learn(how string) int {
	if len(os.Args) != 2 || os.Args[1] != codec.CalibrateCommand {
		return 9
	}
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return 8
	}
	var r codec.CalibrateRequest
	if err := json.Unmarshal(line, &r); err != nil {
		return 7
	}
	say := func(e codec.CalibrateEvent) { _ = json.NewEncoder(os.Stdout).Encode(e) }
	say(codec.CalibrateEvent{Stage: "gather", Done: 1, All: len(r.Windows)})
	switch how {
	case "garbage":
		fmt.Println("This binary is a plugin.")
	case "error":
		say(codec.CalibrateEvent{Error: "torch is missing: install it"})
		return 1
	case "dies":
		fmt.Fprintln(os.Stderr, "out of luck")
		return 3
	case "waits": // for the end of its input
		_, _ = io.Copy(io.Discard, in)
	default:
		if err := os.MkdirAll(r.Work, 0o755); err != nil {
			return 6
		}
		if err := os.WriteFile(r.Out, line, 0o600); err != nil {
			return 5
		}
		say(codec.CalibrateEvent{Result: &codec.CalibrateResult{Bytes: int64(len(line)), Rates: []codec.CalibrateRate{{Q: 13}}}})
	}
	return 0
}

// optionsOf are those of a calibration of the fake backend's model, by a codec that behaves so.
func optionsOf(t *testing.T, how string, words int) (o Options, events *[]Progress) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	model := filepath.Join(dir, "model.gguf")
	require.NoError(t, os.WriteFile(model, gguftest.Model("Tiny", "", 1000), 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	b := backendfake.New(backendfake.Config{})
	events = &[]Progress{}
	return Options{
		Channel: &channel.Channel{Name: "tiny", Model: channel.Model{Path: model}},
		Backend: func(context.Context, string) (backend.Backend, error) { return b, nil },
		Codec:   host.Spec{Kind: base.KindCodec, Name: "learner", Path: self, Env: map[string]string{envCodec: how}},
		Texts:   []Text{{Name: "text", Body: strings.Repeat("A cat sat in the house. ", words/6)}},
		Windows: 12, Out: filepath.Join(dir, "out"),
		Progress: func(p Progress) { *events = append(*events, p) },
	}, events
}

func TestACodecLearns(t *testing.T) {
	o, events := optionsOf(t, "learns", 20_000)
	report, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 12, report.Windows)
	assert.Equal(t, 2*Window, report.Measured)
	assert.Equal(t, 13, report.Rates[0].Q)
	assert.Empty(t, report.Work)
	assert.Equal(t, Progress{Stage: StageTokens, Done: 2, All: 2}, (*events)[2])
	assert.Equal(t, Progress{Stage: StageGather, Done: 1, All: 12}, (*events)[3])
	var r codec.CalibrateRequest
	text, err := os.ReadFile(o.Out)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, o.Channel.Model.Path, r.Model)
	assert.Equal(t, "python3", r.Python)
	assert.Len(t, r.Check.Tokens, Window)
	assert.Len(t, r.Check.LogProbs, Window-1)
	assert.NoDirExists(t, r.Work, "all is done")

	o.Work = filepath.Join(t.TempDir(), "kept")
	report, err = Run(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, o.Work, report.Work)
	assert.DirExists(t, o.Work)
}

func TestOtherTextsAreMeasuredWith(t *testing.T) {
	o, _ := optionsOf(t, "learns", 20_000)
	o.Measure, o.MeasureWindows, o.MeasureContext = []Text{{"a", o.Texts[0].Body}, {"b", o.Texts[0].Body}}, 3, 64
	report, err := Run(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 12, report.Windows)
	assert.Equal(t, 2*3*64, report.Measured)
	o.Measure[1].Body = "Short."
	_, err = Run(t.Context(), o)
	assert.ErrorContains(t, err, "text b has 0 windows of 64 tokens to measure with, not 3")
}

func TestTheSameCommandGoesOn(t *testing.T) {
	o, _ := optionsOf(t, "learns", 20_000)
	folder := func() string {
		r, err := o.request(t.Context())
		require.NoError(t, err)
		work, err := o.cached(r)
		require.NoError(t, err)
		return work
	}
	first := folder()
	assert.Equal(t, first, folder())
	o.Windows = 11
	assert.NotEqual(t, first, folder(), "other tokens are learned from")
}

func TestWhatGoesWrongIsSaid(t *testing.T) {
	for how, want := range map[string]string{
		"error":   "codec learner: torch is missing: install it",
		"garbage": `it said "This binary is a plugin.", which is no event`,
		"dies":    "exit status 3\nout of luck",
	} {
		o, _ := optionsOf(t, how, 20_000)
		_, err := Run(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
	o, _ := optionsOf(t, "dies", 20_000)
	_, err := Run(t.Context(), o)
	require.ErrorIs(t, err, base.ErrPluginGone)
	o.Codec.Path += ".not"
	_, err = Run(t.Context(), o)
	require.ErrorContains(t, err, "no such file")

	o, _ = optionsOf(t, "learns", 300)
	_, err = Run(t.Context(), o)
	var short *TooShortError
	require.ErrorAs(t, err, &short)
}

func TestTheCodecEndsWithTheCommand(t *testing.T) {
	o, _ := optionsOf(t, "waits", 20_000)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(p Progress) {
		if p.Stage == StageGather {
			cancel()
		}
	}
	_, err := Run(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.NoFileExists(t, o.Out)
}
