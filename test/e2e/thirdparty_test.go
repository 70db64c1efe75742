package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// strangers are the codecs of examples/, each a plugin that was built outside this module.
var strangers = []string{"int8go", "int8py", "int8rs"}

// needStranger skips where the codec in Rust was not built, as there is no cargo.
func needStranger(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(stranger(name)); name == "int8rs" && os.IsNotExist(err) {
		t.Skip("the codec in Rust was not built: cargo is not installed")
	}
}

func stranger(name string) string {
	return filepath.Join(env.bin, "examples", "kakeya-codec-"+name)
}

// withStranger serves SmolLM2 with a stranger's codec, parked and live. sha256 pins it.
func withStranger(name, sha256 string) string {
	return fmt.Sprintf(`
plugins:
  list:
    - {name: %[1]s, kind: codec, path: %[2]q, sha256: %[3]q}
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
defaults:
  load: {context: 1024, parallel: 2, cache_tokens: 1024}
channels:
  smollm2-135m: {}
  smollm2-135m@%[1]s-q38: {cache: {park_after: 50ms}}
  live: {model: smollm2-135m, codec: {name: %[1]s, q: 38}, cache: {mode: live}}
`, name, stranger(name), sha256)
}

// sha256Of is what `kakeyad plugin info` says of a binary.
func sha256Of(t *testing.T, binary string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(env.bin, "kakeyad"), "plugin", "info", binary).CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, rest, found := strings.Cut(string(out), "sha256 ")
	require.True(t, found, "%s", out)
	return strings.Fields(rest)[0]
}

func TestStrangersKeepTheContract(t *testing.T) {
	for _, name := range strangers {
		t.Run(name, func(t *testing.T) {
			needStranger(t, name)
			cmd := exec.Command(filepath.Join(env.bin, "kakeyad"), "plugin", "test", stranger(name), "--no-speed")
			cmd.Env = append(os.Environ(), "TMPDIR="+shortDir(t))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), "**Passed**")
		})
	}
}

// The KV cache of a channel really passes through a stranger's codec: its pages are of the size that
// the codec packs them to, come back, and a live channel ends with the codec's process.
func TestStrangersInAChannel(t *testing.T) {
	for _, name := range strangers {
		t.Run(name, func(t *testing.T) {
			needStranger(t, name)
			channel := smollm2 + "@" + name + "-q38"
			d := start(t, withStranger(name, sha256Of(t, stranger(name))))
			client := d.client()
			fresh := ask(t, client, tale(channel, question))
			assert.NotEmpty(t, fresh.text)
			assert.Zero(t, fresh.restored)
			d.awaitPages(4)
			d.unload(channel)
			p := d.pages().Sessions
			// Nominal is f16, 16 bits; int8 with a scale for 64 elements is 8.5.
			assert.InDelta(t, 16/8.5, float64(p.Nominal)/float64(p.Bytes), 0.1, "%+v", p)
			again := ask(t, client, tale(channel, question))
			assert.GreaterOrEqual(t, again.restored, int64(4*64), "from the codec's frames")
			assert.Zero(t, d.pages().Sessions.Damaged)

			plain := ask(t, client, tale(smollm2, question))
			live := ask(t, client, tale("live", question))
			require.NotEmpty(t, live.text)
			require.NotEmpty(t, live.tokens)
			assert.NotEqual(t, plain.tokens[0].Logprob, live.tokens[0].Logprob, "8 bits are not nothing")
			assert.InDelta(t, plain.tokens[0].Logprob, live.tokens[0].Logprob, 0.5, "nor are they much")
		})
	}
}

// A binary that is not the one pinned is not run, and who asks for its channel is told why.
func TestPinnedPluginThatWasSwapped(t *testing.T) {
	d := start(t, withStranger("int8go", strings.Repeat("ab", 32)))
	body := fmt.Sprintf(`{"model": %q, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}`, smollm2+"@int8go-q38")
	status, answer := d.post(context.Background(), "/v1/chat/completions", body)
	assert.GreaterOrEqual(t, status, http.StatusBadRequest, "%s", answer)
	assert.Contains(t, string(answer), "checksum does not match")
	assert.Contains(t, string(answer), "int8go")
	ask(t, d.client(), tale(smollm2, question)) // the others do not suffer
}
