package hub

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// File is one file of a server.
type File struct {
	Path   string // within the repository; of a URL: its last part
	Size   int64  // bytes; 0: not known
	SHA256 string // hex; "": not known
	url    string
}

// Model is a model of a repository: one file, or the parts of a split one in order.
type Model struct {
	Name  string // the path, without the number of the part
	Quant string // such as Q4_K_M; "" when the name does not tell
	Files []File
}

// Size is the bytes of all files.
func (m Model) Size() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

var (
	part  = regexp.MustCompile(`(?i)-(\d{5})-of-(\d{5})\.gguf$`)
	quant = regexp.MustCompile(`(?i)(?:^|[-._/])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|F16|F32|FP16|MXFP4(?:_MOE)?))(?:[-._/]|$)`)
)

// models groups files: later parts go to the first, projectors and other files are left out.
func models(files []File) []Model {
	byName := map[string]*Model{}
	var names []string
	for _, f := range files {
		base := strings.ToLower(path.Base(f.Path))
		if path.Ext(base) != ".gguf" || strings.Contains(base, "mmproj") || strings.Contains(base, "imatrix") {
			continue
		}
		name := part.ReplaceAllString(f.Path, ".gguf")
		m := byName[name]
		if m == nil {
			m = &Model{Name: name, Quant: quantOf(name)}
			byName[name] = m
			names = append(names, name)
		}
		m.Files = append(m.Files, f)
	}
	out := make([]Model, 0, len(names))
	for _, name := range names {
		m := byName[name]
		slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		out = append(out, *m)
	}
	slices.SortStableFunc(out, func(a, b Model) int { return cmp.Compare(a.Size(), b.Size()) })
	return out
}

func quantOf(name string) string {
	all := quant.FindAllStringSubmatch(strings.TrimSuffix(name, path.Ext(name)), -1)
	if len(all) == 0 {
		return ""
	}
	return strings.ToUpper(all[len(all)-1][1])
}

// preferred are the quantisations that are taken when a reference leaves it open: small, with little loss.
var preferred = []string{"Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1"}

// Choose picks the model that a reference means: the file or quantisation that it names; else the only model;
// else the first of Q4_K_M, Q4_K_S, Q4_0 and Q4_1 that is there once. ErrAmbiguous and ErrNotFound say that a person has to.
func Choose(r Reference, all []Model) (Model, error) {
	fits := func(match func(Model) bool) []Model {
		return slices.DeleteFunc(slices.Clone(all), func(m Model) bool { return !match(m) })
	}
	var found []Model
	switch {
	case len(all) == 0:
		return Model{}, fmt.Errorf("%w in %s", ErrNoModel, r)
	case r.File != "":
		found = fits(func(m Model) bool {
			return m.Name == r.File || slices.ContainsFunc(m.Files, func(f File) bool { return f.Path == r.File })
		})
	case r.Quant != "":
		found = fits(func(m Model) bool { return strings.EqualFold(m.Quant, r.Quant) })
	case len(all) == 1:
		found = all
	default:
		for _, q := range preferred {
			if found = fits(func(m Model) bool { return m.Quant == q }); len(found) > 0 {
				break
			}
		}
		if len(found) == 0 {
			found = all
		}
	}
	switch len(found) {
	case 0:
		return Model{}, fmt.Errorf("%s: %w", r, ErrNotFound)
	case 1:
		return found[0], complete(found[0])
	}
	return Model{}, fmt.Errorf("%s: %w", r, ErrAmbiguous)
}

// complete refuses a split model of which parts are missing.
func complete(m Model) error {
	of := part.FindStringSubmatch(m.Files[0].Path)
	if of != nil && fmt.Sprintf("%05d", len(m.Files)) != of[2] {
		return fmt.Errorf("%s: %w: there are %d of %s parts", m.Name, ErrNotFound, len(m.Files), of[2])
	}
	return nil
}
