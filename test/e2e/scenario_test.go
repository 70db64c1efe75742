package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scenarioChannels are what the scenario's steps ask: the model, the model with the templates of models that call
// functions and that think, and the model with hardly any context.
func scenarioChannels(t *testing.T) string {
	t.Helper()
	return oneModel + fmt.Sprintf(`
  hermes: {model: smollm2-135m, chat_template: %q, load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  thinker: {model: smollm2-135m, chat_template: %q, load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  tiny: {model: smollm2-135m, load: {context: 64, parallel: 1, cache_tokens: 64}}
`, template(t, "hermes"), template(t, "thinks"))
}

// template is the path of a chat template among the scenario's.
func template(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("scenario", "templates", name+".jinja"))
	require.NoError(t, err)
	return path
}

// step is one call of scenario/steps.json. The runners make it and say what came of it: {"answer"} for what a client
// returned, {"events", "answer"} for a stream and what the client put together from it, {"error"} for what it raised.
type step struct {
	Name        string          `json:"name"`
	Call        string          `json:"call"`
	Params      json.RawMessage `json:"params"`       // {"$from": [step, key, ...]} is what an earlier step gave
	Extra       map[string]any  `json:"extra"`        // fields that the client does not know
	CancelAfter int             `json:"cancel_after"` // events, after which the request is cancelled by its answer's id
	Expect      any             `json:"expect"`       // JSON schema of the result
	Same        [][]any         `json:"same"`         // pairs of paths, in succession, whose values are equal
	Different   [][]any         `json:"different"`    // and differ
}

// of says whose clients make the step.
func (s step) of() string {
	if strings.HasPrefix(s.Call, "messages") {
		return "anthropic"
	}
	return "openai"
}

func readSteps(t *testing.T) []step {
	t.Helper()
	raw, err := os.ReadFile("scenario/steps.json")
	require.NoError(t, err)
	var steps []step
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&steps))
	return steps
}

// The same steps by every client give what the steps expect.
func TestScenario(t *testing.T) {
	steps := readSteps(t)
	d := start(t, scenarioChannels(t))
	for name, run := range map[string]func(ctx context.Context, t *testing.T, url string) map[string]any{
		"openai-go": func(ctx context.Context, t *testing.T, url string) map[string]any {
			return runGo(ctx, t, url, steps)
		},
		"openai-python": func(ctx context.Context, t *testing.T, url string) map[string]any {
			return runScript(t, exec.CommandContext(ctx, env.python, "scenario/run.py", url, "scenario/steps.json"))
		},
		"openai-node": func(ctx context.Context, t *testing.T, url string) map[string]any {
			return runScript(t, exec.CommandContext(ctx, env.node, "scenario/run.cjs", url, "scenario/steps.json"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			results := run(t.Context(), t, d.url)
			for _, s := range steps {
				if s.of() == "anthropic" && name == "openai-go" {
					continue // there is no client of Anthropic's in it
				}
				t.Run(s.Name, func(t *testing.T) { s.judge(t, results) })
			}
		})
	}
}

// runScript returns what a runner printed, by step.
func runScript(t *testing.T, cmd *exec.Cmd) map[string]any {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", stderr.String(), lastLines(string(out), 1))
	results := map[string]any{}
	for line := range bytes.Lines(out) {
		var r struct {
			Step   string
			Result any
		}
		require.NoError(t, json.Unmarshal(line, &r), "%s", line)
		results[r.Step] = r.Result
	}
	return results
}

// judge holds a step's result against what the step expects.
func (s step) judge(t *testing.T, results map[string]any) {
	t.Helper()
	require.Contains(t, results, s.Name, "the step was not made")
	result, isObject := results[s.Name].(map[string]any)
	require.True(t, isObject)
	expected := any(map[string]any{})
	if s.Expect != nil {
		expected = s.Expect
	}
	if _, failed := result["error"]; failed && !strings.Contains(string(mustJSON(t, expected)), `"error"`) {
		require.FailNow(t, "an error", "%s", mustJSON(t, result["error"]))
	}
	c := jsonschema.NewCompiler()
	c.AssertContent()
	require.NoError(t, c.AddResource("mem:///expect", expected))
	schema, err := c.Compile("mem:///expect")
	require.NoError(t, err)
	assert.NoError(t, schema.Validate(results[s.Name]), "%s", mustJSON(t, results[s.Name]))
	for i := 0; i+1 < len(s.Same); i += 2 {
		a, b := at(t, results, s.Same[i]), at(t, results, s.Same[i+1])
		assert.True(t, same(a, b), "%v and %v differ", a, b)
	}
	for i := 0; i+1 < len(s.Different); i += 2 {
		a, b := at(t, results, s.Different[i]), at(t, results, s.Different[i+1])
		assert.False(t, same(a, b), "both are %v", a)
	}
}

// at finds a value by its path.
func at(t *testing.T, value any, path []any) any {
	t.Helper()
	for _, key := range path {
		switch v := value.(type) {
		case map[string]any:
			require.Contains(t, v, key, "path %v", path)
			value = v[key.(string)]
		case []any:
			require.Less(t, int(key.(float64)), len(v), "path %v", path)
			value = v[int(key.(float64))]
		default:
			require.FailNow(t, "no such value", "path %v", path)
		}
	}
	return value
}

// same says whether two values are equal, numbers up to the rounding of 32 bits.
func same(a, b any) bool {
	x, isList := a.([]any)
	if !isList {
		f, isNumber := a.(float64)
		g, both := b.(float64)
		return isNumber && both && math.Abs(f-g) < 1e-6 || reflect.DeepEqual(a, b)
	}
	y, _ := b.([]any)
	for i := range x {
		if len(x) != len(y) || !same(x[i], y[i]) {
			return false
		}
	}
	return len(x) == len(y)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
