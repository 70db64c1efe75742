package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// FuzzYAML: whatever a file holds, it is values that the schema can judge, or a *fileError.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"", "listen: :1", "a: &a [1, *a]", "a: &a {b: 1}\nc: {<<: *a, d: [*a, *a]}", "? a\n: b", "!!str a: b", "- 1\n- 2", "a: |\n  b\n  c", "a: .inf",
		"---\n---\na: b", "channels:\n  x:\n", "\"a\\u0000b\": 1", "a: 'b", "{a: {b: {c: [", "models: {1: {file: x}}", "%YAML 1.2\n---\na: b",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := fileLayer("f.yaml", data, "/base", "/home")
		if err != nil {
			var told *Error
			if !errors.As(err, &told) || len(told.Problems) == 0 {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		problems := l.check()
		if err := asError(problems); (err == nil) != (len(problems) == 0) {
			t.Fatalf("%v of %v", err, problems)
		}
		if len(problems) == 0 {
			if _, _, err := merge([]layer{l}); err != nil {
				t.Fatalf("the schema let through what cannot be decoded: %v", err)
			}
		}
	})
}

// An alias of aliases does not grow without end.
func TestAliasesAreCounted(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 9; i++ {
		p, n := string(rune('0'+i-1)), string(rune('0'+i))
		b.WriteString("a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+", ", 10), ", ") + "]\n")
	}
	_, err := parseYAML([]byte(b.String()))
	require.ErrorContains(t, err, "more than 100000 values")
	_, err = parseYAML([]byte(strings.Repeat("#", maxFileBytes+1)))
	require.ErrorContains(t, err, "at most")
	_, err = parseYAML([]byte("a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200)))
	require.Error(t, err)
}

// Names of variables are distinct, and flags set keys that there are.
func TestNamesOfLeaves(t *testing.T) {
	seen := map[string]bool{envFile: true}
	keys := map[string]bool{}
	for _, l := range leaves() {
		require.False(t, seen[EnvName(l.key)], EnvName(l.key))
		seen[EnvName(l.key)] = true
		keys[strings.Join(l.key, ".")] = true
	}
	require.True(t, keys["defaults.sampling.temperature"])
	for _, f := range flags {
		require.True(t, keys[f.key], f.name)
	}
}

// Load and cache options and sampling have a key for each field of the contract.
func TestKeysFollowTheContract(t *testing.T) {
	load := reflect.TypeFor[backend.LoadOptions]()
	require.Equal(t, load.NumField()-1, reflect.TypeFor[LoadOptions]().NumField(), "all but Cache, which has a key of its own")
	full := reflect.New(reflect.TypeFor[LoadOptions]()).Elem()
	for f, v := range full.Fields() {
		_, ok := load.FieldByName(f.Name)
		require.True(t, ok, f.Name)
		switch v.Kind() {
		case reflect.Int:
			v.SetInt(7)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.String:
			v.SetString("x")
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
		}
	}
	converted := reflect.ValueOf(full.Interface().(LoadOptions).backend())
	for f := range load.Fields() {
		require.Equal(t, f.Name == "Cache", converted.FieldByIndex(f.Index).IsZero(), f.Name)
	}
	require.Equal(t, reflect.TypeFor[backend.CacheOptions]().NumField(), reflect.TypeFor[Cache]().NumField())
	ours, theirs := reflect.TypeFor[Sampling](), reflect.TypeFor[backend.Sampling]()
	require.Equal(t, theirs.NumField(), ours.NumField())
	for f := range theirs.Fields() {
		_, ok := ours.FieldByName(f.Name)
		require.True(t, ok, f.Name)
	}
	require.Equal(t, backend.DefaultSampling(), Default().Defaults.Sampling.backend())
}

func TestKeysAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	file, keys := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "keys")
	require.NoError(t, os.WriteFile(file, []byte("server: {api_keys_file: keys, api_key: own}\n"), 0o600))
	load := func(text string) (*Config, error) {
		require.NoError(t, os.WriteFile(keys, []byte(text), 0o600))
		return Load(Options{File: file, Environ: []string{"HOME=" + dir}})
	}
	first, err := load("# ours\n a \n\nb\n")
	require.NoError(t, err)
	require.Equal(t, []string{"own", "a", "b"}, first.Keys)
	require.Contains(t, first.Files, keys)
	second, err := load("c")
	require.NoError(t, err)
	require.NotEqual(t, first.digest, second.digest)
	require.Empty(t, needRestart(first, second))
	_, err = load("# none")
	require.ErrorContains(t, err, "server.api_keys_file: ")
	require.ErrorContains(t, err, "no key")
}
