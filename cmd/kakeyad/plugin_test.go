package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/conformance"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
)

// fakePlugin builds the fake of a kind.
func fakePlugin(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kakeya-"+kind+"-fake")
	out, err := exec.Command("go", "build", "-o", path, "../../core/plugin/"+kind+"/fake/"+filepath.Base(path)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

func fakeCodec(t *testing.T) string { return fakePlugin(t, "codec") }

// as makes the fake do something.
func as(t *testing.T, c fake.Config) []string {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return []string{"--env", fake.EnvConfig + "=" + string(text)}
}

// quick is the smallest test that has all checks.
var quick = []string{"--head-dim", "64", "--type", "f32", "--no-speed"}

// Codecs that are broken on purpose fail, each at the promise that it breaks and for that reason.
func TestPluginTestFindsBrokenCodecs(t *testing.T) {
	binary := fakeCodec(t)
	for name, broken := range map[string]struct {
		config      fake.Config
		check, says string
	}{
		"longer frames than it tells":       {fake.Config{Lie: fake.LieBytes}, "frames/round-trip", `an element takes 1\d\.\d+ bits, described are 8\.`},
		"worse than its bound":              {fake.Config{Lie: fake.LieBound}, "frames/round-trip", `the relative squared error is .*, the bound 2`},
		"blind to damage":                   {fake.Config{Lie: fake.LieDamage}, "frames/damage", `bit \d of byte \d+ of \d+ changed: no error, want "corrupt data"`},
		"takes frames of other vectors":     {fake.Config{Lie: fake.LieHeaders}, "frames/headers", `vectors .*: no error, want "corrupt data"`},
		"takes frames of other shapes":      {fake.Config{Lie: fake.LieShape}, "frames/foreign", `a frame of .*: no error, want "corrupt data"`},
		"frames depend on earlier ones":     {fake.Config{Lie: fake.LieMemory}, "frames/determinism", `the same stream gives another frame of the same vectors`},
		"live is not packed":                {fake.Config{Lie: fake.LieRoundTrip}, "vectors/round-trip", `vectors\[0\] .* differ from byte 0 on`},
		"lets infinite vectors pass":        {fake.Config{Lie: fake.LieFinite}, "vectors/non-finite", `NaN: no error, want "invalid argument"`},
		"takes parameters it has not":       {fake.Config{Lie: fake.LieParams}, "open/unknown-param", `no_codec_has_this: no error, want "invalid argument"`},
		"another affine form":               {fake.Config{Lie: fake.LieAffine}, "affine/decode", `the affine form gives .*, Decode `},
		"described parameters of another":   {fake.Config{Lie: fake.LieDescribe}, "open/params", `gives "fake/1 none"`},
		"panics":                            {fake.Config{Fail: "panic", After: 3}, "frames/append", `panic in plugin: told to panic`},
		"dies while it is at work":          {fake.Config{Die: "exit", After: 3}, "frames/append", `plugin gone`},
		"does not answer":                   {fake.Config{Hang: "call", After: 3}, "frames/append", `not done after 5s: .*--patience`},
		"does not answer, whatever happens": {fake.Config{Hang: "deaf", After: 3}, "frames/append", `not done after 5s`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken.config.Mode = fake.ModeInt8
			args := append([]string{"plugin", "test", binary, "--patience", "5s"}, quick...)
			out, err := run(t, append(args, as(t, broken.config)...)...)
			require.ErrorContains(t, err, "breaks its contract", "%s", out)
			assert.Contains(t, out, "**Failed**")
			assert.Regexp(t, "(?m)^- `"+broken.check+"` over the gRPC. .* Instead: .*"+broken.says, out)
			died, gone := broken.config.Die != "", broken.config.Die+broken.config.Hang != ""
			assert.Equal(t, died, strings.Contains(out, "The process ended while it was tested"))
			assert.Equal(t, gone, strings.Contains(out, string(conformance.NotRun)+" |"), "what is gone is not asked further")
		})
	}
}

func TestPluginTestOfASoundCodec(t *testing.T) {
	binary, report := fakeCodec(t), filepath.Join(t.TempDir(), "CONFORMANCE.md")
	args := append([]string{"plugin", "test", binary, "--out", report, "--param", "mode=int8"}, quick...)
	out, err := run(t, args...)
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `(?m)^ok +link +vectors/round-trip$`, out, "progress")
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	for _, want := range []string{
		`(?m)^# Conformance of fake 1.0.0, a codec plugin$`, `\*\*Passed\*\*: \d+ of \d+ checks are kept, 0 failed`,
		"parameters `mode:int8 q:38`", `(?m)^\| 64 \| f32 \| .fake/1 int8. \| 8\.\d+ \| 8\.\d+ \| 0.0002 \| 3\.\d+e-05 \| z from -127 to 127`,
		"(?m)^\\| `frames/damage` \\| .* \\| ok \\| ok \\|$",
	} {
		assert.Regexp(t, want, string(text))
	}
	assert.NotContains(t, string(text), "## Speed")
}

func TestPluginTestOfWhatIsNoPlugin(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "kakeya-codec-mute")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho nothing of the kind >&2\n"), 0o700))
	_, err := run(t, "plugin", "test", script)
	require.ErrorContains(t, err, "nothing of the kind", "its last lines are shown")
	_, err = run(t, "plugin", "test", filepath.Join(dir, "kakeya-codec-none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	other := filepath.Join(dir, "my-codec")
	require.NoError(t, os.Rename(script, other))
	_, err = run(t, "plugin", "test", other)
	require.ErrorContains(t, err, "--kind")
	for _, bad := range [][]string{{"--env", "x"}, {"--param", "=x"}, {"--type", "f64"}} {
		_, err = run(t, append([]string{"plugin", "test", other, "--kind", "codec"}, bad...)...)
		require.ErrorContains(t, err, bad[1])
	}
	_, err = run(t, "plugin", "test", fakeCodec(t), "--kind", "drafter")
	require.ErrorContains(t, err, "codec", "it says what it is")
}

// A plugin that refuses its model or parameters is not called broken: it was not tested, and what to give is said.
func TestPluginTestOfWhatRefuses(t *testing.T) {
	codec, drafter, backend := fakeCodec(t), fakePlugin(t, "drafter"), fakePlugin(t, "backend")
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"codec":   {[]string{codec, "--param", "mode=none of these"}, []string{"mode", "--param", "--head-dim"}},
		"drafter": {[]string{drafter, "--param", "nonsense=1"}, []string{"nonsense", "--model", "--param"}},
		"backend": {[]string{backend, "--model", "not-there.gguf"}, []string{"not-there.gguf", "--model"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, append([]string{"plugin", "test"}, c.args...)...)
			require.ErrorContains(t, err, "not tested, as the plugin refuses what it is given")
			for _, want := range c.says {
				require.ErrorContains(t, err, want)
			}
			assert.NotContains(t, out, "FAILED")
		})
	}
	_, err := run(t, "plugin", "test", backend)
	require.ErrorContains(t, err, "name its file by --model")
}

// The skeleton is the example, which is built and tested on its own.
func TestPluginNewWritesTheExample(t *testing.T) {
	const example = "../../examples/codec-go"
	dir := filepath.Join(t.TempDir(), "new")
	out, err := run(t, "plugin", "new", "codec", "int8go", "--dir", dir, "--replace", "../..")
	require.NoError(t, err)
	assert.Contains(t, out, "go mod tidy")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		want, err := os.ReadFile(filepath.Join(example, f.Name()))
		require.NoError(t, err)
		if f.Name() == "go.mod" { // tidied there
			assert.Contains(t, string(want), strings.SplitAfterN(string(got), "\n", 4)[0])
			assert.Contains(t, string(want), "replace "+goModule+" => ../..")
			_, clone, found := strings.Cut(string(got), "replace "+goModule+" => ")
			require.True(t, found)
			assert.FileExists(t, filepath.Join(dir, strings.TrimSpace(clone), "cmd", "kakeyad", "pluginnew.go"), "as seen from the new module")
			continue
		}
		assert.Equal(t, string(want), string(got), "examples/codec-go is what `kakeyad plugin new codec int8go` writes: change both")
	}
	_, err = run(t, "plugin", "new", "codec", "int8go", "--dir", dir)
	require.ErrorContains(t, err, "is not empty")
	_, err = run(t, "plugin", "new", "codec", "other", "--dir", filepath.Join(t.TempDir(), "other"), "--replace", t.TempDir())
	require.ErrorContains(t, err, "no clone of kakeyad")
	_, err = run(t, "plugin", "new", "codec", "Not-A-Name")
	require.ErrorContains(t, err, "cannot be a plugin's name")
	_, err = run(t, "plugin", "new", "backend", "mine")
	require.ErrorContains(t, err, "a codec alone")
}

func TestPluginListAndInfo(t *testing.T) {
	binary := fakeCodec(t)
	sum, err := conformance.SHA256(binary)
	require.NoError(t, err)
	config := writeConfig(t, `plugins:
  dir: `+filepath.Dir(binary)+`
  list:
    - {name: pinned, kind: codec, path: `+binary+`, sha256: "`+sum+`"}
    - {name: other, kind: codec, path: `+binary+`, sha256: "`+strings.Repeat("0", 64)+`"}
`)
	out, err := run(t, "plugin", "list", "--config", config)
	require.NoError(t, err)
	for _, want := range []string{`codec +fake +no +/`, `codec +pinned +yes +/`, `codec +other +ANOTHER +/`} {
		assert.Regexp(t, want, out)
	}
	out, err = run(t, "plugin", "list", "--config", config, "--json")
	require.NoError(t, err)
	assert.Contains(t, out, `"pinned": "yes"`)
	_, err = run(t, "plugin", "list", "--config", writeConfig(t, "plugins: {dir: "+t.TempDir()+"}\n"))
	require.ErrorIs(t, err, errNoPlugin)

	out, err = run(t, "plugin", "info", binary)
	require.NoError(t, err)
	for _, want := range []string{`name +fake`, `kind +codec`, `plugin API +1`, `capabilities +affine`, `sha256 +` + sum} {
		assert.Regexp(t, want, out)
	}
	_, card, _ := strings.Cut(out, "plugins:\n")
	out, err = run(t, "plugin", "list", "--config", writeConfig(t, "plugins:\n"+card))
	require.NoError(t, err, "what info prints is an entry of the configuration")
	assert.Regexp(t, `codec +fake +yes`, out)
}
