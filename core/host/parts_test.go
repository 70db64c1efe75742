package host

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestBackoff(t *testing.T) {
	b := backoff{min: 100, max: 1000}
	var most, least []time.Duration
	for range 7 {
		c := b
		least = append(least, c.next(0))
		most = append(most, b.next(1))
	}
	require.Equal(t, []time.Duration{0, 100, 200, 400, 800, 1000, 1000}, most)
	require.Equal(t, []time.Duration{0, 50, 100, 200, 400, 500, 500}, least)
	b.reset()
	require.Zero(t, b.next(1))
}

func TestTail(t *testing.T) {
	var log tail
	for i := range 30 {
		_, _ = log.Write([]byte(strings.Repeat("x", i) + "\n\n"))
	}
	_, _ = log.Write(bytes.Repeat([]byte("y"), 1000))
	lines := strings.Split(log.String(), "\n")
	require.Len(t, lines, tailLines)
	require.Len(t, lines[tailLines-2], 29)
	require.Len(t, lines[tailLines-1], tailLength)
}

func TestEnvironment(t *testing.T) {
	daemon := []string{"PATH=/bin", "KAKEYAD_API_KEY=secret", "AWS_SECRET_ACCESS_KEY=secret", "OMP_NUM_THREADS=2", "HOME=/h", "broken"}
	require.Equal(t, []string{"HOME=/mine", "KAKEYA_PLUGIN_LOG_LEVEL=info", "OMP_NUM_THREADS=2", "PATH=/bin", "X=y"},
		environment(daemon, Spec{Env: map[string]string{"X": "y", "HOME": "/mine"}}, "info"))
}

func TestSpecsAreChecked(t *testing.T) {
	good := Spec{Kind: base.KindBackend, Name: "a", Path: "/a"}
	none := slog.New(slog.NewTextHandler(io.Discard, nil))
	for name, list := range map[string][]Spec{
		"kind":   {{Kind: "x", Name: "a", Path: "/a"}},
		"name":   {{Kind: base.KindBackend, Name: "A b", Path: "/a"}},
		"path":   {{Kind: base.KindBackend, Name: "a"}},
		"sha256": {{Kind: base.KindBackend, Name: "a", Path: "/a", SHA256: "abc"}},
		"twice":  {good, good},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := discover("", list, none)
			require.ErrorIs(t, err, base.ErrInvalid)
			require.ErrorContains(t, err, name)
		})
	}
	found, err := discover(filepath.Join(t.TempDir(), "none"), []Spec{good}, none)
	require.NoError(t, err)
	require.Equal(t, []Spec{good}, found)
}

func TestListedGoesBeforeFound(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, binaryName(base.KindBackend, "a"))
	require.NoError(t, os.WriteFile(path, nil, 0o700))
	none := slog.New(slog.NewTextHandler(io.Discard, nil))
	listed := Spec{Kind: base.KindBackend, Name: "a", Path: "/elsewhere"}
	found, err := discover(dir, []Spec{listed}, none)
	require.NoError(t, err)
	require.Equal(t, []Spec{listed}, found)
	found, err = discover(dir, nil, none)
	require.NoError(t, err)
	require.Equal(t, path, found[0].Path)
}

func TestHostLog(t *testing.T) {
	var out bytes.Buffer
	log := newHostLog(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})).With("plugin", "p"))
	read := func() (entry map[string]any) {
		defer out.Reset()
		if out.Len() > 0 {
			require.NoError(t, json.Unmarshal(out.Bytes(), &entry))
		}
		return entry
	}
	log.Error("go-plugin's own")
	require.Equal(t, "DEBUG", read()["level"])
	lines := log.Named("kakeya-backend-p")
	lines.Warn("disk", "free", 12, "timestamp", "2020-01-02T03:04:05.000Z")
	entry := read()
	require.Equal(t, "WARN", entry["level"])
	require.Equal(t, "disk", entry["msg"])
	require.Equal(t, "p", entry["plugin"])
	require.EqualValues(t, 12, entry["free"])
	require.NotContains(t, entry, "timestamp")
	require.True(t, strings.HasPrefix(entry["time"].(string), "2020-01-02T03:04:05"))
	lines.With("a", 1).Info("with")
	require.EqualValues(t, 1, read()["a"])
	lines.Trace("too much")
	require.Nil(t, read())
	require.Equal(t, hclog.Debug, lines.GetLevel())
	require.True(t, lines.IsDebug())
	require.False(t, lines.IsTrace())
	require.Equal(t, "debug", pluginLevel(log.out))
}

// A plugin's lines are logged under its name, also what is no log line.
func TestPluginLog(t *testing.T) {
	var out tail
	f := newFixture(t, Options{
		Plugins:    []Spec{fakeSpec(t, fake.Config{Start: "exit"})},
		RestartMin: time.Hour, RestartMax: time.Hour,
		Logger: slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	_, err := f.Plugin(t.Context(), base.KindBackend, "fake")
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.Regexp(t, `"msg":"told to exit","plugin":"fake"`, out.String())
}

func FuzzParseHandshake(f *testing.F) {
	f.Add("1|1|unix|/tmp/x|grpc|cert")
	f.Add("1|x|unix|/tmp/x")
	f.Fuzz(func(t *testing.T, line string) {
		if _, ok := parseHandshake(line); ok && strings.Count(line, "|") < 3 {
			t.Errorf("%q is a handshake", line)
		}
	})
}

func FuzzParseBinaryName(f *testing.F) {
	f.Add("kakeya-backend-llamacpp")
	f.Add("kakeya-codec-a-b.exe")
	f.Fuzz(func(t *testing.T, file string) {
		if kind, name, ok := parseBinaryName(file); ok && binaryName(kind, name) != file {
			t.Errorf("%q became %q", file, binaryName(kind, name))
		}
	})
}

func BenchmarkHealth(b *testing.B) {
	f := newFixture(b, Options{Plugins: []Spec{fakeSpec(b, noFake)}})
	i := f.backend(b)
	for b.Loop() {
		if _, err := i.Backend.Health(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBackend(b *testing.B) {
	f := newFixture(b, Options{Plugins: []Spec{fakeSpec(b, noFake)}})
	f.backend(b)
	for b.Loop() {
		if _, err := f.Plugin(b.Context(), base.KindBackend, "fake"); err != nil {
			b.Fatal(err)
		}
	}
}
