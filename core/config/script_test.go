package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/config"
)

// TestScripts runs testdata. "file PATH" writes a file into the script's folder, "load" loads a
// configuration there. The lines of load are "file PATH", "env NAME=VALUE", "flag --NAME=VALUE",
// and "show KEY" (a key of the merged configuration), "show channels", "show models" or "show
// notices". Run with -rewrite to write what is answered into the files.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "file":
				name := filepath.Join(dir, d.CmdArgs[0].Key)
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
				require.NoError(t, os.WriteFile(name, []byte(d.Input+"\n"), 0o755))
				return ""
			case "load":
				return strings.ReplaceAll(load(t, d, dir), dir, "$DIR")
			}
			d.Fatalf(t, "no command %q", d.Cmd)
			return ""
		})
	})
}

func load(t *testing.T, d *datadriven.TestData, dir string) string {
	o := config.Options{WorkDir: dir, Environ: []string{"HOME=" + dir + "/home", "PATH=/bin"}, Flags: pflag.NewFlagSet("", pflag.ContinueOnError)}
	config.AddFlags(o.Flags)
	o.Flags.String("config", "", "not one of ours")
	var args, shown []string
	for line := range strings.Lines(d.Input) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.ReplaceAll(rest, "$DIR", dir)
		switch word {
		case "file":
			o.File = rest
		case "env":
			o.Environ = append(o.Environ, rest)
		case "flag":
			args = append(args, rest)
		case "show":
			shown = append(shown, rest)
		default:
			d.Fatalf(t, "no line %q", line)
		}
	}
	require.NoError(t, o.Flags.Parse(args))
	cfg, err := config.Load(o)
	if err != nil {
		require.ErrorIs(t, err, config.ErrInvalid)
		return err.Error() + "\n"
	}
	var out strings.Builder
	for _, key := range shown {
		show(t, &out, cfg, key)
	}
	return out.String()
}

func show(t *testing.T, out *strings.Builder, cfg *config.Config, key string) {
	switch key {
	case "channels":
		for _, c := range cfg.Set.All() {
			fmt.Fprintf(out, "%s: id=%s file=%s backend=%s ttl=%s aliases=%v\n", c.Name, c.ID, filepath.Base(c.Model.Path), c.Backend, c.TTL, c.Aliases)
			fmt.Fprintf(out, "  sampling %+v\n  limits %+v\n  load %+v\n", c.Sampling, c.Limits, c.Load)
			if c.Codec != nil {
				fmt.Fprintf(out, "  codec %+v\n", *c.Codec)
			}
			if c.Drafter != nil {
				fmt.Fprintf(out, "  drafter %+v\n", *c.Drafter)
			}
			if ab := c.AB; ab != nil {
				fmt.Fprintf(out, "  a %s b %s split %g sticky %s shadow %v\n", ab.A.Name, ab.B.Name, ab.Split, ab.Sticky, ab.Shadow)
			}
			fmt.Fprintf(out, "  pin %v preload %v system %q template %q\n", c.Pin, c.Preload, c.SystemPrompt, c.ChatTemplate)
			for _, w := range c.Warnings {
				fmt.Fprintf(out, "  warning: %s\n", w)
			}
		}
		return
	case "models":
		for _, c := range cfg.Set.All() {
			fmt.Fprintf(out, "%s = %s\n", c.Name, c.Model.Path)
		}
		return
	case "notices":
		for _, n := range cfg.Notices {
			fmt.Fprintf(out, "notice: %s\n", n)
		}
		return
	}
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(text, &v))
	for part := range strings.SplitSeq(key, ".") {
		m, ok := v.(map[string]any)
		require.True(t, ok, "%s: no map at %s", key, part)
		v = m[part]
	}
	text, err = json.Marshal(v)
	require.NoError(t, err)
	fmt.Fprintf(out, "%s = %s\n", key, text)
}
