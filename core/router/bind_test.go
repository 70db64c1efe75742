package router_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	codecfake "github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// processes are the fake plugins as processes of their own, run by the host.
type processes struct{ *host.Host }

func (p processes) Backend(ctx context.Context, name string) (router.Instance, error) {
	i, err := p.Plugin(ctx, base.KindBackend, name)
	if err != nil {
		return router.Instance{}, err
	}
	return router.Instance{Backend: i.Backend, Gone: i.Gone(), Condemn: i.Condemn}, nil
}

func (p processes) Linked(ctx context.Context, kind base.Kind, name string) (router.Linked, error) {
	i, err := p.Plugin(ctx, kind, name)
	if err != nil {
		return router.Linked{}, err
	}
	return router.Linked{Linker: i.Linker, Info: i.Info, Gone: i.Gone(), Condemn: i.Condemn}, nil
}

func (p processes) pid(t *testing.T, kind base.Kind) int {
	t.Helper()
	i, err := p.Plugin(t.Context(), kind, "fake")
	require.NoError(t, err)
	return i.PID
}

// binary builds one of the fakes, once.
func binary(t *testing.T, kind base.Kind) string {
	t.Helper()
	path, err := binaries[kind]()
	require.NoError(t, err)
	return path
}

var binaries = map[base.Kind]func() (string, error){
	base.KindBackend: sync.OnceValues(func() (string, error) { return build("backend") }),
	base.KindCodec:   sync.OnceValues(func() (string, error) { return build("codec") }),
}

// binaryDir is made by TestMain.
var binaryDir string

func build(kind string) (string, error) {
	path := filepath.Join(binaryDir, "kakeya-"+kind+"-fake")
	out, err := exec.Command("go", "build", "-o", path, "../plugin/"+kind+"/fake/kakeya-"+kind+"-fake").CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
}

// startProcesses runs a host of the fake backend, a fake codec that does as the config says, and one
// named wrong that is no codec.
func startProcesses(t *testing.T, c codecfake.Config) processes {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	h := host.New(host.Options{
		TempDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
		HealthInterval: 50 * time.Millisecond, HealthTimeout: time.Second, RestartMin: time.Millisecond,
		Plugins: []host.Spec{
			{Kind: base.KindBackend, Name: "fake", Path: binary(t, base.KindBackend)},
			{Kind: base.KindCodec, Name: "fake", Path: binary(t, base.KindCodec), Env: map[string]string{codecfake.EnvConfig: string(text)}},
			{Kind: base.KindCodec, Name: "wrong", Path: binary(t, base.KindBackend)},
		},
	})
	require.NoError(t, h.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, h.Stop(ctx))
	})
	return processes{h}
}

// boundTo is a router with one channel, m, that has a codec.
func boundTo(t *testing.T, p processes, m fake.ModelConfig, codec channel.CodecSpec) *router.Router {
	t.Helper()
	codec.Boundary = channel.Unset
	set := routertest.Set(t, models{"m": routertest.Model(t, m)}, channels{"m": {Codec: &codec}})
	return routertest.Router(t, p, set)
}

func TestCodecIsBound(t *testing.T) {
	r := boundTo(t, startProcesses(t, codecfake.Config{}), fake.ModelConfig{AnswerTokens: 5},
		channel.CodecSpec{Name: "fake", Params: map[string]string{"mode": "int8"}})
	_, final, err := say(r, "m", user("x"))
	require.NoError(t, err)
	assert.Equal(t, 5, final.OutputTokens)
	m := r.Stats(t.Context()).Models[0].Info
	assert.Contains(t, m.PageFormat, "int8", "the codec got the channel's parameters")
	assert.Equal(t, backend.CacheParked, m.Options.Cache.Mode)
}

func TestCodecThatCannotBeBound(t *testing.T) {
	p := startProcesses(t, codecfake.Config{})
	for name, c := range map[string]struct {
		codec channel.CodecSpec
		is    error
		says  []string
	}{
		"missing":    {channel.CodecSpec{Name: "d4"}, host.ErrUnknown, []string{`codec plugin "d4"`, "there is fake, wrong", "kakeya-codec-d4"}},
		"no codec":   {channel.CodecSpec{Name: "wrong"}, base.ErrUnsupported, []string{`codec "wrong"`, "backend"}},
		"parameters": {channel.CodecSpec{Name: "fake", Params: map[string]string{"mode": "zip"}}, base.ErrInvalid, []string{`codec "fake"`, "mode", "zip"}},
		"unknown":    {channel.CodecSpec{Name: "fake", Params: map[string]string{"speed": "9"}}, base.ErrInvalid, []string{`codec "fake"`, "speed"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := boundTo(t, p, fake.ModelConfig{}, c.codec)
			_, err := r.Open(t.Context(), "m")
			require.ErrorIs(t, err, router.ErrLoad)
			require.ErrorIs(t, err, c.is)
			for _, text := range c.says {
				assert.ErrorContains(t, err, text)
			}
		})
	}
}

// A codec that dies fails the request that its model serves, and says so; the next finds the model
// loaded again, with a link to the next process. The backend lives on and keeps nothing of the first.
func TestDeathOfACodec(t *testing.T) {
	p := startProcesses(t, codecfake.Config{Die: "kill", After: 3, Once: filepath.Join(t.TempDir(), "died")})
	r := boundTo(t, p, fake.ModelConfig{AnswerTokens: 9}, channel.CodecSpec{Name: "fake"})
	backendPID := p.pid(t, base.KindBackend)
	_, _, err := say(r, "m", user("x"))
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.ErrorContains(t, err, `codec "fake"`)

	_, final, err := say(r, "m", user("x"))
	require.NoError(t, err)
	assert.Equal(t, 9, final.OutputTokens)
	assert.Equal(t, backendPID, p.pid(t, base.KindBackend))
	stats := r.Stats(t.Context())
	require.Len(t, stats.Models, 1)
	assert.EqualValues(t, 1, stats.Pool.Counts.Died)
	assert.EqualValues(t, 2, stats.Pool.Counts.Loads)
}

// A request that does not wait for the codec when it dies fails as soon.
func TestDeathOfACodecBetweenItsCalls(t *testing.T) {
	p := startProcesses(t, codecfake.Config{})
	r := boundTo(t, p, fake.ModelConfig{Hang: "generate", AfterTokens: 2, AnswerTokens: 9}, channel.CodecSpec{Name: "fake"})
	call, err := r.Open(t.Context(), "m")
	require.NoError(t, err)
	defer call.Close()
	pid := p.pid(t, base.KindCodec)
	err = call.Chat(t.Context(), user("x"), func(e router.Piece) error {
		if len(e.Tokens) > 0 && pid != 0 {
			assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			pid = 0
		}
		return nil
	})
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.ErrorContains(t, err, `codec "fake"`)
}

// A codec that hangs is found by its health, and is dead then.
func TestHangOfACodec(t *testing.T) {
	p := startProcesses(t, codecfake.Config{})
	r := boundTo(t, p, fake.ModelConfig{AnswerTokens: 3}, channel.CodecSpec{Name: "fake"})
	_, _, err := say(r, "m", user("x"))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(p.pid(t, base.KindCodec), syscall.SIGSTOP))
	for err == nil { // the signal may take a moment
		_, _, err = say(r, "m", user("x"))
	}
	require.ErrorIs(t, err, base.ErrPluginGone)
	_, _, err = say(r, "m", user("x"))
	require.NoError(t, err)
}
