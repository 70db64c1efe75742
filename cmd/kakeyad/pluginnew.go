package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// skeletons are the files of a plugin of each kind, with skeletonName where its name belongs.
// examples/codec-go is what this makes of the codec's.
//
//go:embed skeleton
var skeletons embed.FS

const (
	skeletonName   = "@NAME@"
	skeletonSuffix = ".tmpl"
	goModule       = "github.com/kakeyad/kakeyad"
)

var pluginName = regexp.MustCompile(`^[a-z]([a-z0-9_]*[a-z0-9])?$`)

func newPluginNew() *cobra.Command {
	var dir, module, replace string
	cmd := &cobra.Command{
		Use:   "new codec NAME",
		Short: "Write the skeleton of a plugin in Go",
		Long: `Write the skeleton of a codec in Go: a module of its own with a small codec that works (8-bit integers
with a scale for each vector), its tests and its README. It passes ` + "`kakeyad plugin test`" + ` as it is; replace
its mathematics by yours and keep it passing.`,
		Example: `  kakeyad plugin new codec mine
  kakeyad plugin new codec mine --replace ./kakeyad      # build it against this clone of kakeyad`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, name := args[0], args[1]
			if base.Kind(kind) != base.KindCodec {
				return fmt.Errorf("there is a skeleton of a codec alone, not of a %s", kind)
			}
			if !pluginName.MatchString(name) {
				return fmt.Errorf("%q cannot be a plugin's name: want lower-case letters, digits and _, as channels name it in @%s-q38", name, "mine")
			}
			binary := "kakeya-" + kind + "-" + name
			if dir == "" {
				dir = binary
			}
			if module == "" {
				module = "example.com/" + binary
			}
			clone, err := cloneFrom(dir, replace)
			if err != nil {
				return err
			}
			if err := writeSkeleton(dir, kind, name, goMod(module, clone)); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), `wrote %[1]s. Next:

  cd %[1]s
  go mod tidy
  go test .
  go build -o %[2]s .
  kakeyad plugin test ./%[2]s
`, dir, binary)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `FOLDER` to write, which must be empty or not exist; by default kakeya-KIND-NAME")
	cmd.Flags().StringVar(&module, "module", "", "the Go module's `PATH`; by default example.com/kakeya-KIND-NAME")
	cmd.Flags().StringVar(&replace, "replace", "", "build against the clone of kakeyad in this `FOLDER`, not against a release")
	return cmd
}

// cloneFrom is a clone's folder as seen from dir, which is how go.mod names it; "" stays.
func cloneFrom(dir, clone string) (string, error) {
	if clone == "" {
		return "", nil
	}
	mod, err := os.ReadFile(filepath.Join(clone, "go.mod"))
	if err != nil || !strings.HasPrefix(string(mod), "module "+goModule+"\n") {
		return "", fmt.Errorf("--replace %s: it is no clone of kakeyad: it has no go.mod of %s", clone, goModule)
	}
	if clone, err = filepath.Abs(clone); err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, clone)
	if err != nil {
		return clone, nil // on another volume
	}
	return filepath.ToSlash(rel), nil
}

// goMod is a module's file. `go mod tidy` fills in the rest.
func goMod(module, clone string) string {
	text := fmt.Sprintf("module %s\n\ngo 1.26.0\n", module)
	if clone != "" {
		return text + fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", goModule, goModule, clone)
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == goModule && strings.HasPrefix(info.Main.Version, "v") && !strings.Contains(info.Main.Version, "+") {
		return text + fmt.Sprintf("\nrequire %s %s\n", goModule, info.Main.Version)
	}
	return text // of a build without a release: the newest
}

func writeSkeleton(dir, kind, name, mod string) error {
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return fmt.Errorf("%s is not empty: name another folder by --dir", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := skeletonFiles(kind, name)
	if err != nil {
		return err
	}
	files["go.mod"] = mod
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// skeletonFiles are the texts of a skeleton, by file.
func skeletonFiles(kind, name string) (map[string]string, error) {
	folder := "skeleton/" + kind
	entries, err := skeletons.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(entries)+1)
	for _, e := range entries {
		text, err := skeletons.ReadFile(folder + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(e.Name(), skeletonSuffix)] = strings.ReplaceAll(string(text), skeletonName, name)
	}
	return out, nil
}
