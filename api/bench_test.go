package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router"
)

// BenchmarkAdded tells what HTTP, JSON, the template and the router add to a request of one token,
// over the same request made of the plugin by gRPC.
func BenchmarkAdded(b *testing.B) {
	d := start(b, fake.ModelConfig{AnswerTokens: 1}, channel.Spec{})
	call, err := d.router.Open(b.Context(), "m")
	require.NoError(b, err)
	prompt, err := call.Prompt(b.Context(), router.ChatRequest{Messages: []chat.Message{{Role: "user", Content: "hello"}}})
	require.NoError(b, err)
	call.Close()
	instance, err := d.backends.Backend(b.Context(), fake.Name)
	require.NoError(b, err)
	id := d.router.Stats(b.Context()).Models[0].ID
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	require.NoError(b, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	request := fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(chatBody), chatBody)

	var direct, through []time.Duration
	for b.Loop() {
		began := time.Now()
		err := instance.Generate(b.Context(), backend.GenerateRequest{Model: id, Prompt: prompt, Sampling: backend.DefaultSampling()}, func(backend.Event) error { return nil })
		require.NoError(b, err)
		direct = append(direct, time.Since(began))

		began = time.Now()
		_, err = io.WriteString(conn, request)
		require.NoError(b, err)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, resp.Body)
		require.NoError(b, err)
		through = append(through, time.Since(began))
	}
	slices.Sort(direct)
	slices.Sort(through)
	for _, p := range []struct {
		name string
		of   int
	}{{"p50", 50}, {"p99", 99}} {
		i := len(direct) * p.of / 100
		b.ReportMetric(float64((through[i] - direct[i]).Microseconds()), p.name+"-added-µs")
		b.ReportMetric(float64(direct[i].Microseconds()), p.name+"-direct-µs")
	}
	b.ReportMetric(0, "ns/op")
}
