package channel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/goccy/go-yaml"

	"github.com/kakeyad/kakeyad/core/channel"
)

// TestScripts runs testdata: "parse" takes ids, "compose" takes an Input in YAML and prints the
// set, "resolve" takes names of that set, "profile" takes file names. Run with -rewrite to write
// what is answered into the files.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "fuzz") {
			return
		}
		var set *channel.Set
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			switch d.Cmd {
			case "parse":
				for line := range strings.Lines(d.Input) {
					printParsed(&out, strings.TrimSuffix(line, "\n"))
				}
			case "compose":
				set = compose(t, d, &out)
			case "resolve":
				for line := range strings.Lines(d.Input) {
					printResolved(&out, set, strings.TrimSuffix(line, "\n"))
				}
			case "profile":
				for line := range strings.Lines(d.Input) {
					name := "none"
					if p := channel.ProfileOfFile(strings.TrimSuffix(line, "\n")); p != nil {
						name = p.Short
					}
					fmt.Fprintln(&out, name)
				}
			default:
				d.Fatalf(t, "no command %q", d.Cmd)
			}
			return out.String()
		})
	})
}

func printParsed(out *strings.Builder, text string) {
	id, err := channel.Parse(strings.ReplaceAll(text, "<empty>", ""))
	if err != nil {
		fmt.Fprintln(out, err)
		return
	}
	fmt.Fprintf(out, "short=%s backend=%s codec=%s drafter=%s\n", id.Short, id.Backend, id.Codec, id.Drafter)
}

func compose(t *testing.T, d *datadriven.TestData, out *strings.Builder) *channel.Set {
	var in channel.Input
	if err := yaml.UnmarshalWithOptions([]byte(d.Input), &in, yaml.Strict()); err != nil {
		d.Fatalf(t, "%v", err)
	}
	for name, spec := range in.Channels {
		// The zero boundary of a script is unsaid; -2 stands for 0.
		if c := spec.Codec; c != nil {
			switch c.Boundary {
			case 0:
				c.Boundary = channel.Unset
			case -2:
				c.Boundary = 0
			}
		}
		in.Channels[name] = spec
	}
	in.Known.Codecs, in.Known.Drafters = channel.OurCodecs, channel.OurDrafters
	in.Known.Backends = append([]string{"stranger"}, channel.OurBackends...)
	set, err := channel.Compose(in)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(out, "error: %s\n", strings.TrimSuffix(line, "\n"))
		}
		return nil
	}
	for _, c := range set.All() {
		printChannel(out, c)
	}
	return set
}

func printResolved(out *strings.Builder, set *channel.Set, name string) {
	c, err := set.Resolve(name)
	if err != nil {
		var unknown *channel.UnknownError
		fmt.Fprintf(out, "error: %v (refused %v)\n", err, errors.As(err, &unknown) && unknown.Reason != nil)
		return
	}
	printChannel(out, c)
}

func printChannel(out *strings.Builder, c *channel.Channel) {
	fmt.Fprintf(out, "%s: id=%s backend=%s", c.Name, c.ID, c.Backend)
	if c.Profile != nil {
		fmt.Fprintf(out, " profile=%s", c.Profile.Short)
	}
	if c.Codec != nil {
		fmt.Fprintf(out, " codec=%s q=%d boundary=%d", c.Codec.Name, c.Codec.Q, c.Codec.Boundary)
	}
	if k := c.Load.Cache; k.ParkAfter > 0 || k.Mode == "live" {
		fmt.Fprintf(out, " mode=%s park_after=%s recent=%d sinks=%d", k.Mode, k.ParkAfter, k.Recent, k.Sinks)
	}
	if c.Drafter != nil {
		fmt.Fprintf(out, " drafter=%s", c.Drafter.Name)
	}
	if ab := c.AB; ab != nil {
		fmt.Fprintf(out, " a=%s b=%s split=%g sticky=%s shadow=%v shared=%v", ab.A.Name, ab.B.Name, ab.Split, ab.Sticky, ab.Shadow, c.LoadKey() == ab.A.LoadKey())
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(out, " aliases=%s", strings.Join(c.Aliases, ","))
	}
	if c.Limits.MaxTokens > 0 {
		fmt.Fprintf(out, " max_tokens=%d", c.Limits.MaxTokens)
	}
	if c.Pin || c.Preload {
		fmt.Fprintf(out, " pin=%v preload=%v", c.Pin, c.Preload)
	}
	fmt.Fprintln(out)
	for _, w := range c.Warnings {
		fmt.Fprintf(out, "  warning: %s\n", w)
	}
}
