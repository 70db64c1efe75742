package calibration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// envTorch names a Python that has torch, numpy and gguf. `make test-calibration` makes one.
const envTorch = "KAKEYA_TORCH"

// ask runs a request, its input kept open, and gives the events.
func ask(t *testing.T, r codec.CalibrateRequest) (ok bool, events []codec.CalibrateEvent, log string) {
	t.Helper()
	line, err := json.Marshal(r)
	require.NoError(t, err)
	in, end := io.Pipe()
	t.Cleanup(func() { _ = end.Close() })
	go func() { _, _ = end.Write(append(line, '\n')) }() // ends with end
	var out, complaints bytes.Buffer
	ok = Run(in, &out, &complaints)
	for d := json.NewDecoder(&out); d.More(); {
		var e codec.CalibrateEvent
		require.NoError(t, d.Decode(&e))
		events = append(events, e)
	}
	return ok, events, complaints.String()
}

// python is an interpreter that is a script of the shell.
func python(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	return path
}

// model is a file whose head says an architecture.
func model(t *testing.T, architecture string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	file := bytes.Replace(gguftest.Model("Tiny", "", 1000), []byte("llama"), []byte(architecture), 1)
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return path
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	llama := model(t, "llama")
	bare, err := exec.LookPath("python3")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		request codec.CalibrateRequest
		want    []string
	}{
		"no Python":               {codec.CalibrateRequest{Model: llama, Python: "/there/is/none"}, []string{`there is no Python at "/there/is/none"`, "--python"}},
		"no model":                {codec.CalibrateRequest{Model: llama + ".not", Python: bare}, []string{"no such file"}},
		"an unknown architecture": {codec.CalibrateRequest{Model: model(t, "mamba"), Python: bare}, []string{"architecture mamba", "known are gemma3, llama"}},
		"no torch":                {codec.CalibrateRequest{Model: llama, Python: python(t, fmt.Sprintf("exec %s -I -S \"$@\"", bare))}, []string{"lacks torch, numpy, gguf", "-m pip install torch numpy gguf"}},
		"a Python that fails":     {codec.CalibrateRequest{Model: llama, Python: python(t, "echo no memory >&2; exit 7")}, []string{"calibrate.py: exit status 7"}},
	} {
		c.request.Work = t.TempDir()
		ok, events, _ := ask(t, c.request)
		assert.False(t, ok, name)
		if assert.NotEmpty(t, events, name) {
			for _, want := range c.want {
				assert.Contains(t, events[len(events)-1].Error, want, name)
			}
		}
	}
}

func TestEventsArePassedOn(t *testing.T) {
	script := python(t, `read line; echo '{"stage":"learn","done":1,"all":2}'; echo "$line" >"$(dirname "$2")/../request"; echo '{"result":{"bytes":5}}'; echo said >&2`)
	work := t.TempDir()
	ok, events, log := ask(t, codec.CalibrateRequest{Model: model(t, "llama"), Python: script, Work: work, Threads: 3})
	assert.True(t, ok)
	assert.Equal(t, "said\n", log)
	require.Len(t, events, 2)
	assert.Equal(t, codec.CalibrateEvent{Stage: "learn", Done: 1, All: 2}, events[0])
	assert.Equal(t, int64(5), events[1].Result.Bytes)
	request, err := os.ReadFile(filepath.Join(work, "request"))
	require.NoError(t, err)
	assert.Contains(t, string(request), `"threads":3`)
}

func TestPythonEndsWithTheInput(t *testing.T) {
	line, err := json.Marshal(codec.CalibrateRequest{Model: model(t, "llama"), Python: python(t, "exec tail -f /dev/null"), Work: t.TempDir()})
	require.NoError(t, err)
	var out bytes.Buffer
	assert.False(t, Run(strings.NewReader(string(line)+"\n"), &out, io.Discard), "the input ends after the request")
	assert.Contains(t, out.String(), "stopped")
}

// TestTorchLearnsATinyModel is the whole of it on models of drawn weights, and the file read by the codec.
func TestTorchLearnsATinyModel(t *testing.T) {
	torch := os.Getenv(envTorch)
	if torch == "" {
		t.Skipf("%s names no Python with torch: make test-calibration runs this", envTorch)
	}
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) (out [][]int32) {
		for range n {
			w := make([]int32, 64)
			for i := range w {
				w[i] = random.Int32N(96)
			}
			out = append(out, w)
		}
		return out
	}
	for architecture, pairs := range map[string]calibrated.Pairs{"llama": calibrated.Neighbours, "gemma3": calibrated.Halves} {
		dir := t.TempDir()
		r := codec.CalibrateRequest{
			Model: filepath.Join(dir, "tiny.gguf"), Out: filepath.Join(dir, "tiny.e8k"), Work: filepath.Join(dir, "work"),
			Windows: draw(12), Measure: draw(2), Python: torch, Threads: 1,
		}
		out, err := exec.Command(torch, "testdata/tiny.py", architecture, r.Model).CombinedOutput()
		require.NoError(t, err, "%s", out)
		ok, events, log := ask(t, r)
		require.True(t, ok, "%s: %+v %s", architecture, events, log)
		result := events[len(events)-1].Result
		require.NotNil(t, result)
		assert.Len(t, result.Rates, 8)
		require.Len(t, result.Measured, 5)
		coarse, fine := result.Measured[0], result.Measured[3]
		assert.Greater(t, fine.Bits, coarse.Bits)
		assert.Less(t, fine.KL, coarse.KL)
		assert.Less(t, fine.KL, 0.05)

		file, err := os.ReadFile(r.Out)
		require.NoError(t, err)
		c, err := calibrated.Parse(file)
		require.NoError(t, err)
		assert.Equal(t, [3]int{7, 2, 16}, [3]int{c.Layers, c.KVHeads, c.HeadDim})
		assert.Equal(t, pairs, c.Rope.Pairs)
		if architecture == "gemma3" {
			assert.Equal(t, []uint8{1, 1, 1, 1, 1, 0, 1}, c.Rope.Of)
		}

		before := len(events)
		require.NoError(t, os.Remove(r.Out))
		ok, events, _ = ask(t, r)
		require.True(t, ok)
		again, err := os.ReadFile(r.Out)
		require.NoError(t, err)
		assert.Equal(t, file, again, "the same request goes on from where all was known")
		assert.Less(t, len(events), before)

		r.Check = &codec.CalibrateCheck{Tokens: r.Measure[0], LogProbs: make([]float32, 63)}
		ok, events, _ = ask(t, r)
		assert.False(t, ok)
		assert.Contains(t, events[len(events)-1].Error, "nats from those computed here", "a backend that computes something else")
	}
}
