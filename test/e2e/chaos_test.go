package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/require"
)

// envKills is how many kills TestChaos makes; `make test-chaos` makes 200 of each kind.
const envKills = "KAKEYA_CHAOS"

// theatre is what chaos happens in.
type theatre struct {
	name     string
	config   string
	channel  string
	plugins  []string // names of the processes to kill, beside the daemon
	prompts  int      // conversations, which share a beginning
	words    int      // of that beginning
	tokens   int      // of an answer
	kills    int      // without envKills
	lossless bool     // what is restored is what was computed, to the bit, and arithmetic does not depend on how it is batched
}

// TestChaos kills the codec, the backend and the daemon at random moments, while conversations are
// parked at once, lose their slots to each other and are restored. No request hangs, each is answered
// right or fails, and no process outlives the daemon.
func TestChaos(t *testing.T) {
	t.Run("fake", func(t *testing.T) { runChaos(t, fakeTheatre(t)) })
	t.Run("real", func(t *testing.T) {
		runChaos(t, theatre{
			name: "real", channel: "smollm2-135m@e8-q152", kills: 6,
			plugins: []string{"kakeya-backend-llamacpp", "kakeya-codec-e8"},
			prompts: 6, words: 120, tokens: 6,
			config: `
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
channels:
  smollm2-135m@e8-q152: {load: {context: 512, parallel: 2, cache_tokens: 512}, cache: {park_after: 1ms}}
plugins: {restart: {min: 1ms, max: 100ms}}
`,
		})
	})
}

// fakeTheatre has plugins that do nothing but keep the contracts, so that a kill costs little. A
// wrong page gives another answer.
func fakeTheatre(t *testing.T) theatre {
	dir := t.TempDir()
	for _, kind := range []string{"backend", "codec"} {
		out, err := exec.Command("go", "build", "-o", dir, "../../core/plugin/"+kind+"/fake/kakeya-"+kind+"-fake").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	model := filepath.Join(dir, "model.gguf")
	require.NoError(t, os.WriteFile(model, []byte("{}"), 0o600))
	return theatre{
		name: "fake", channel: "m@fake-q1", kills: 30, lossless: true,
		plugins: []string{"kakeya-backend-fake", "kakeya-codec-fake"},
		prompts: 12, words: 200, tokens: 12,
		config: fmt.Sprintf(`
models: {m: {file: %q}}
plugins:
  restart: {min: 1ms, max: 100ms}
  list:
    - {kind: backend, name: fake, path: %q}
    - {kind: codec, name: fake, path: %q}
channels:
  m@fake-q1: {backend: fake, load: {parallel: 2}, cache: {park_after: 1ms}}
`, model, filepath.Join(dir, "kakeya-backend-fake"), filepath.Join(dir, "kakeya-codec-fake")),
	}
}

// chaos is one run.
type chaos struct {
	theatre
	t      *testing.T
	random *rand.Rand
	daemon atomic.Pointer[daemon]
	want   []answer
	same   comparisons

	answered, failed, restored atomic.Int64
}

func runChaos(t *testing.T, th theatre) {
	kills := th.kills
	if text := os.Getenv(envKills); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		kills = n
	} else if testing.Short() {
		kills = min(kills, 3)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d kills, seed %d", kills, seed)
	c := &chaos{theatre: th, t: t, random: rand.New(rand.NewPCG(seed, 1)), same: comparisons{lossy: true}}
	c.daemon.Store(start(t, th.config))
	for i := range th.prompts {
		a, err := c.ask(t.Context(), i, false)
		require.NoError(t, err)
		c.want = append(c.want, a)
	}
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for k := range 3 {
		clients.Go(func() { c.converse(ctx, rand.New(rand.NewPCG(seed, uint64(2+k)))) })
	}
	counts := map[string]int{}
	for n := range kills {
		c.awaitAnswers(1)
		victim := c.kill(n)
		counts[victim]++
	}
	for extra := 0; extra < 20 && c.restored.Load() == 0; extra++ { // few kills may not meet a parked conversation
		c.awaitAnswers(th.prompts)
		counts[c.kill(1)]++
	}
	c.awaitAnswers(th.prompts)
	stop()
	clients.Wait()
	t.Logf("killed %v; %d answers, %d of them with restored pages, %d requests failed", counts, c.answered.Load(), c.restored.Load(), c.failed.Load())
	require.Positive(t, c.restored.Load())
	c.same.verify(t)
}

// converse asks on until the context ends.
func (c *chaos) converse(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		i := random.IntN(c.prompts)
		got, err := c.ask(ctx, i, true)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.failed.Add(1)
		case c.lossless:
			if got.text != c.want[i].text {
				c.t.Errorf("prompt %d: got %q, want %q", i, got.text, c.want[i].text)
			}
			c.answered.Add(1)
		default:
			c.same.add(c.want[i], got)
			c.answered.Add(1)
		}
	}
}

// ask says the answer to a prompt. An answer that takes longer than patience is a hang, and fails the
// test.
func (c *chaos) ask(ctx context.Context, i int, cache bool) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	words := strings.Repeat(" once there was a king", c.words/5)
	body, _ := json.Marshal(map[string]any{
		"model": c.channel, "temperature": 0, "max_tokens": c.tokens, "cache_prompt": cache,
		"logprobs": true, "top_logprobs": 2,
		"messages": []map[string]string{{"role": "user", "content": fmt.Sprintf("%s, and his number was %d. Tell of him.", words, i)}},
	})
	d := c.daemon.Load()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.addr+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		defer resp.Body.Close()
		body, err = io.ReadAll(resp.Body)
	}
	if ctx.Err() == context.DeadlineExceeded {
		c.t.Errorf("prompt %d hangs", i)
	}
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode != http.StatusServiceUnavailable {
			c.t.Errorf("status %d: %s", resp.StatusCode, body)
		}
		return answer{}, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return c.read(body)
}

func (c *chaos) read(body []byte) (answer, error) {
	var got openai.ChatCompletion
	if err := json.Unmarshal(body, &got); err != nil {
		return answer{}, err
	}
	a := answerOf(&got)
	if a.restored > 0 {
		c.restored.Add(1)
	}
	return a, nil
}

// awaitAnswers waits until so many more requests were answered.
func (c *chaos) awaitAnswers(n int) {
	c.t.Helper()
	want := c.answered.Load() + int64(n)
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.answered.Load() < want {
		select {
		case <-deadline:
			require.FailNow(c.t, "nothing is answered any more", "%s", lastLines(c.daemon.Load().log.String(), 40))
		case <-tick.C:
		}
	}
}

// kill ends one process at a moment of its choosing.
func (c *chaos) kill(n int) string {
	c.t.Helper()
	d := c.daemon.Load()
	moment := time.NewTimer(time.Duration(c.random.IntN(30_000)) * time.Microsecond) // the moment is to be random
	<-moment.C
	victims := append([]string{"kakeyad"}, c.plugins...)
	victim := victims[n%len(victims)]
	if victim == "kakeyad" {
		pids := children(c.t, d.cmd.Process.Pid)
		require.NoError(c.t, d.cmd.Process.Kill())
		<-d.exited
		for _, pid := range pids {
			require.Eventually(c.t, func() bool { return !alive(pid) }, patience, time.Millisecond, "an orphan")
		}
		c.daemon.Store(d.again(c.config))
		return victim
	}
	for _, pid := range children(c.t, d.cmd.Process.Pid) {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(name), victim) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have been killed a moment ago
			return victim
		}
	}
	return victim + " (was down)"
}
