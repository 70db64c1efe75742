package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const splitReport = `{"name":"default","mode":"split","split":0.1,"sticky":"session","since":"2026-01-01T00:00:00Z","level":0.95,"method":"m",
"a":{"channel":"one","requests":900,"failed":0,"cancelled":4,"first_token_ms":81.6,"tokens_per_second":20.04},
"b":{"channel":"two","requests":101,"failed":1,"cancelled":0},"watched":3,"metrics":[
{"name":"first_token","kind":"ratio","n":950,"value":0.91,"low":0.85,"high":0.97,"finding":"b_lower","better":"lower","describe":""},
{"name":"generation","kind":"ratio","n":20,"value":1.02,"low":null,"high":null,"needs":80,"finding":"none","better":"higher","describe":""},
{"name":"failures","kind":"difference","n":950,"value":0.01,"low":0.001,"high":0.05,"finding":"b_higher","better":"lower","describe":""}]}`

const shadowReport = `{"name":"quiet","mode":"shadow","since":"2026-01-01T00:00:00Z","level":0.95,"method":"m",
"a":{"channel":"one","requests":9,"failed":0,"cancelled":0},"b":{"channel":"two","requests":0,"failed":0,"cancelled":0},"watched":0,"metrics":[
{"name":"same","kind":"share","n":9,"value":0.5,"low":0.2,"high":0.8,"finding":"none","better":"higher","describe":""}],
"shadow":{"compared":9,"censored":2,"dropped":1,"skipped":0,"unit":"token","parted":[]}}`

func TestExperimentTables(t *testing.T) {
	var out printed
	now := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC)
	require.NoError(t, experimentTables(&out, []byte(`{"experiments":[`+splitReport+`,`+shadowReport+`]}`), false, now))
	want := `default: b answers 10 % by session, for 2h0m0s
ARM CHANNEL REQUESTS FAILED CANCELLED FIRST TOKEN TOKENS/S
a one 900 0 4 82 ms 20.0
b two 101 1 0 - -
3 more are watched for 30m0s each before they count
METRIC N B AGAINST A INTERVAL (95 %, ALL TOGETHER, AT EVERY LOOK) FINDING
first_token 950 × 0.910 × 0.850 to × 0.970 b is better
generation 20 × 1.020 after 80 more too early
failures 950 +1.00 points +0.10 points to +5.00 points b is worse

quiet: b answers unseen, for 2h0m0s
ARM CHANNEL REQUESTS FAILED CANCELLED FIRST TOKEN TOKENS/S
a one 9 0 0 - -
b two 0 0 0 - -
9 compared, 2 given up for others, 1 dropped, 0 of a kind that is not compared
METRIC N B AGAINST A INTERVAL (95 %, ALL TOGETHER, AT EVERY LOOK) FINDING
same 9 50.00 % 20.00 % to 80.00 % -
`
	var got strings.Builder
	for line := range strings.Lines(out.String()) {
		got.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	require.Equal(t, want, got.String())
}

func TestExperimentsCommand(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.EscapedPath())
		if r.URL.Path == "/v1/kakeya/experiments" {
			_, _ = w.Write([]byte(`{"experiments":[]}`))
			return
		}
		_, _ = w.Write([]byte(splitReport))
	}))
	defer server.Close()
	at := []string{"--url", server.URL, "--models-dir", t.TempDir()}
	out, err := run(t, append([]string{"experiments"}, at...)...)
	require.NoError(t, err)
	require.Contains(t, out, "no experiments")
	out, err = run(t, append([]string{"experiments", "org/a b", "--json"}, at...)...)
	require.NoError(t, err)
	require.JSONEq(t, splitReport, out)
	out, err = run(t, append([]string{"experiments", "default", "--reset"}, at...)...)
	require.NoError(t, err)
	require.Contains(t, out, "b is better")
	_, err = run(t, append([]string{"experiments", "--reset"}, at...)...)
	require.ErrorContains(t, err, "needs the name")
	require.Equal(t, []string{"GET /v1/kakeya/experiments", "GET /v1/kakeya/experiments/org/a%20b", "DELETE /v1/kakeya/experiments/default"}, asked)
}
