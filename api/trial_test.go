package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/experiment/shadow"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// long is enough words for a speed.
const long = "one two three four five six seven eight nine ten eleven twelve"

// startTwo serves the channels one and two, and x made of them.
func startTwo(t *testing.T, one, two fake.ModelConfig, ab channel.ABSpec, o api.Options) (*daemon, *experiment.Registry) {
	t.Helper()
	ab.A, ab.B = "one", "two"
	results, err := experiment.Open(experiment.Options{})
	require.NoError(t, err)
	o.Experiments = results
	b := routertest.NewBackends(t)
	models := map[string]channel.Model{"one": routertest.Model(t, one), "two": routertest.Model(t, two)}
	greedy := backend.Sampling{}
	specs := map[string]channel.Spec{"one": {Sampling: greedy}, "two": {Sampling: greedy}, "x": {AB: &ab, Aliases: []string{"gpt"}}}
	var runner *shadow.Runner
	d := startSetWith(t, b, models, specs, o, func(d *daemon, o *api.Options) {
		results.Swap(experiment.Definitions(d.router.Set()))
		runner = shadow.New(d.router, results, o.Logger)
		o.Shadow = runner
	})
	t.Cleanup(func() {
		d.shutdown()
		runner.Close()
		require.NoError(t, results.Close())
	})
	return d, results
}

func report(t *testing.T, d *daemon) experiment.Report {
	t.Helper()
	var r experiment.Report
	a := d.do(t, http.MethodGet, "/v1/kakeya/experiments/x", "")
	require.Equal(t, 200, a.status, a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &r))
	return r
}

// A session keeps the arm that its name or its beginning draws, through all endpoints that generate.
func TestSessionsKeepTheirArm(t *testing.T) {
	d, _ := startTwo(t, fake.ModelConfig{Answer: "one " + long}, fake.ModelConfig{Answer: "two " + long}, channel.ABSpec{Split: 0.5}, api.Options{})
	arms := map[string]int{}
	for i := range 24 {
		first := fmt.Sprintf(`{"role":"user","content":"hello %d"}`, i)
		chat := func(messages string) answer {
			return d.post(t, "/v1/chat/completions", `{"model":"gpt","messages":[`+messages+`]}`)
		}
		a := chat(first)
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, "x", a.header.Get("X-Kakeya-Experiment"))
		arm := a.header.Get("X-Kakeya-Arm")
		name := map[string]string{"a": "one", "b": "two"}[arm]
		require.Contains(t, a.body, `"model":"`+name+`"`)
		require.Contains(t, a.body, name+" "+long)
		arms[arm]++

		again := chat(first + `,{"role":"assistant","content":"yes"},{"role":"user","content":"and"}`)
		require.Equal(t, arm, again.header.Get("X-Kakeya-Arm"))
		streamed := d.post(t, "/v1/chat/completions", `{"model":"x","stream":true,"messages":[`+first+`]}`)
		require.Equal(t, arm, streamed.header.Get("X-Kakeya-Arm"))
		other := d.post(t, "/v1/messages", `{"model":"x","max_tokens":9,"messages":[`+first+`]}`)
		require.Equal(t, arm, other.header.Get("X-Kakeya-Arm"))
		responses := d.post(t, "/v1/responses", `{"model":"x","input":[`+first+`]}`)
		require.Equal(t, arm, responses.header.Get("X-Kakeya-Arm"))
	}
	require.Greater(t, arms["a"], 4)
	require.Greater(t, arms["b"], 4)
	r := report(t, d)
	require.EqualValues(t, 24*5, r.A.Requests+r.B.Requests)
	require.Equal(t, 24, r.Watched)
	require.EqualValues(t, 5*arms["b"], r.B.Requests)
}

func TestNamedSessionsAndUsers(t *testing.T) {
	for sticky, fields := range map[channel.Sticky][2]string{
		channel.StickySession: {`"prompt_cache_key":"%s"`, `"user":5,"prompt_cache_key":"%s"`},
		channel.StickyUser:    {`"user":"%s"`, `"safety_identifier":"%s","prompt_cache_key":"else"`},
	} {
		t.Run(string(sticky), func(t *testing.T) {
			d, _ := startTwo(t, fake.ModelConfig{Answer: "a"}, fake.ModelConfig{Answer: "b"}, channel.ABSpec{Split: 0.5, Sticky: sticky}, api.Options{})
			seen := map[string]bool{}
			for i := range 16 {
				var arms []string
				for k, field := range fields {
					body := fmt.Sprintf(`{"model":"x","messages":[{"role":"user","content":"%d"}],`+field+`}`, k, fmt.Sprint("name ", i))
					arms = append(arms, d.post(t, "/v1/chat/completions", body).header.Get("X-Kakeya-Arm"))
				}
				require.Equal(t, arms[0], arms[1])
				seen[arms[0]] = true
			}
			require.Len(t, seen, 2)
		})
	}
}

// Each request is drawn for, and counted at once.
func TestRequestsAreDrawn(t *testing.T) {
	d, _ := startTwo(t, fake.ModelConfig{Answer: long}, fake.ModelConfig{Answer: long}, channel.ABSpec{Sticky: channel.StickyRequest}, api.Options{})
	for range 30 {
		require.Equal(t, 200, d.post(t, "/v1/completions", `{"model":"x","prompt":"p"}`).status)
	}
	r := report(t, d)
	require.EqualValues(t, 30, r.A.Requests+r.B.Requests)
	require.Positive(t, r.A.Requests)
	require.Positive(t, r.B.Requests)
	require.Zero(t, r.Watched)
	require.EqualValues(t, 30, r.Metrics[0].N)
	require.NotNil(t, r.A.FirstTokenMS)
	require.NotNil(t, r.B.TokensPerSecond)

	metrics := d.do(t, http.MethodGet, "/metrics", "").body
	require.Contains(t, metrics, fmt.Sprintf(`kakeyad_experiment_requests_total{arm="b",channel="two",experiment="x"} %d`, r.B.Requests))
	require.Contains(t, metrics, `kakeyad_experiment_units{experiment="x",metric="generation"} 30`)
	require.Contains(t, metrics, `kakeyad_experiment_high{experiment="x",kind="difference",metric="failures"}`)

	require.Contains(t, d.do(t, http.MethodGet, "/v1/kakeya/experiments", "").body, `"name":"x"`)
	reset := d.do(t, http.MethodDelete, "/v1/kakeya/experiments/x", "")
	require.Equal(t, 200, reset.status)
	require.Zero(t, report(t, d).A.Requests)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		a := d.do(t, method, "/v1/kakeya/experiments/no/such", "")
		require.Equal(t, 404, a.status)
		require.Equal(t, "experiment_not_found", *a.error(t).Code)
	}
}

// What generates nothing is a's, and the client's own mistakes are nobody's.
func TestWhatIsNotDrawn(t *testing.T) {
	d, _ := startTwo(t, fake.ModelConfig{Answer: long}, fake.ModelConfig{Answer: long}, channel.ABSpec{Sticky: channel.StickyRequest}, api.Options{})
	for range 10 {
		a := d.post(t, "/v1/embeddings", `{"model":"x","input":"p"}`)
		require.Contains(t, a.body, `"model":"one"`)
		require.Empty(t, a.header.Get("X-Kakeya-Arm"))
	}
	require.Equal(t, 200, d.post(t, "/v1/kakeya/load", `{"model":"x"}`).status)
	var model struct {
		Kakeya struct {
			State string
			AB    struct {
				A, B, Sticky string
				Split        float64
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(d.do(t, http.MethodGet, "/v1/models/x", "").body), &model))
	require.Equal(t, "loaded", model.Kakeya.State)
	require.Equal(t, "one", model.Kakeya.AB.A)
	require.Equal(t, "request", model.Kakeya.AB.Sticky)
	require.InDelta(t, 0.5, model.Kakeya.AB.Split, 0)
	require.Equal(t, 200, d.post(t, "/v1/kakeya/unload", `{"model":"x"}`).status)

	require.Equal(t, 400, d.post(t, "/v1/completions", `{"model":"x","prompt":"p","max_tokens":99999999999}`).status)
	huge := strings.Repeat("word ", 100_000)
	require.Equal(t, 400, d.post(t, "/v1/completions", `{"model":"x","prompt":"`+huge+`"}`).status)
	r := report(t, d)
	require.Zero(t, r.A.Requests+r.B.Requests)
}

// A request that fails by the daemon's fault is a failure of its arm.
func TestFailuresOfAnArm(t *testing.T) {
	d, _ := startTwo(t, fake.ModelConfig{Answer: long}, fake.ModelConfig{LoadError: "file"}, channel.ABSpec{Sticky: channel.StickyRequest}, api.Options{})
	for range 20 {
		d.post(t, "/v1/completions", `{"model":"x","prompt":"p"}`)
	}
	r := report(t, d)
	require.Zero(t, r.A.Failed)
	require.Positive(t, r.B.Failed)
	require.Equal(t, r.B.Requests, r.B.Failed)
}
