package host

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Spec says which plugin to run and how.
type Spec struct {
	Kind   base.Kind
	Name   string
	Path   string // of the binary
	Args   []string
	Env    map[string]string // beside what every plugin gets
	SHA256 string            // of the binary in hexadecimal; "": not checked
}

var validName = regexp.MustCompile(`^[a-z]([a-z0-9_-]*[a-z0-9])?$`)

// check says what is wrong with a spec.
func (s Spec) check() error {
	switch s.Kind {
	case base.KindBackend, base.KindCodec, base.KindDrafter:
	default:
		return fmt.Errorf("plugin %q: %w: kind %q", s.Name, base.ErrInvalid, s.Kind)
	}
	if !validName.MatchString(s.Name) {
		return fmt.Errorf("plugin %q: %w: name: want lower-case letters, digits, - and _", s.Name, base.ErrInvalid)
	}
	if s.Path == "" {
		return fmt.Errorf("plugin %q: %w: path is missing", s.Name, base.ErrInvalid)
	}
	if sum, err := hex.DecodeString(s.SHA256); err != nil || len(sum) != 0 && len(sum) != 32 {
		return fmt.Errorf("plugin %q: %w: sha256: want 64 hexadecimal digits", s.Name, base.ErrInvalid)
	}
	return nil
}

// binaryName is what the binary of a plugin is called.
func binaryName(kind base.Kind, name string) string {
	s := fmt.Sprintf("kakeya-%s-%s", kind, name)
	if runtime.GOOS == "windows" {
		s += ".exe"
	}
	return s
}

// parseBinaryName takes such a name apart.
func parseBinaryName(file string) (kind base.Kind, name string, ok bool) {
	if runtime.GOOS == "windows" {
		if file, ok = strings.CutSuffix(file, ".exe"); !ok {
			return "", "", false
		}
	}
	rest, ok := strings.CutPrefix(file, "kakeya-")
	if !ok {
		return "", "", false
	}
	k, name, ok := strings.Cut(rest, "-")
	if !ok || (Spec{Kind: base.Kind(k), Name: name, Path: file}).check() != nil {
		return "", "", false
	}
	return base.Kind(k), name, true
}

// Find returns the plugins that a host of these options would run, by kind and name, and starts none.
func Find(o Options) ([]Spec, error) {
	o.fill()
	return discover(o.Dir, o.Plugins, o.Logger)
}

// SpecOf is that of a binary that is named as the host finds it, kakeya-<kind>-<name>. False: it is not.
func SpecOf(path string) (Spec, bool) {
	kind, name, ok := parseBinaryName(filepath.Base(path))
	return Spec{Kind: kind, Name: name, Path: path}, ok
}

// discover returns the plugins in a folder and those listed, which go first, by kind and name. A
// folder that does not exist holds none.
func discover(dir string, listed []Spec, log *slog.Logger) ([]Spec, error) {
	type id struct {
		kind base.Kind
		name string
	}
	found := make(map[id]Spec)
	for _, s := range listed {
		if err := s.check(); err != nil {
			return nil, err
		}
		key := id{s.Kind, s.Name}
		if _, twice := found[key]; twice {
			return nil, fmt.Errorf("%s plugin %q: %w: it is listed twice", s.Kind, s.Name, base.ErrInvalid)
		}
		found[key] = s
	}
	var files []os.DirEntry
	if dir != "" {
		var err error
		files, err = os.ReadDir(dir)
		if os.IsNotExist(err) {
			log.Warn("the plugin folder does not exist", "dir", dir)
		} else if err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		kind, name, ok := parseBinaryName(f.Name())
		if !ok {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if why := unusable(path); why != "" {
			log.Warn("not a plugin", "path", path, "why", why)
			continue
		}
		if _, listed := found[id{kind, name}]; !listed {
			found[id{kind, name}] = Spec{Kind: kind, Name: name, Path: path}
		}
	}
	out := make([]Spec, 0, len(found))
	for _, s := range found {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Spec) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return out, nil
}

// unusable says why a file cannot be run; "" if it can.
func unusable(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err.Error()
	case !info.Mode().IsRegular():
		return "it is no file"
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0:
		return "it is not executable"
	}
	return ""
}
