package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/kakeyad/kakeyad/core/channel"
)

// found is a model file of models_dir.
type found struct {
	short string
	path  string
}

// laterPart matches the parts of a split model after the first, which names the whole.
var laterPart = regexp.MustCompile(`-(\d{5})-of-\d{5}$`)

// discover finds the model files of a folder, in order of their names, each under a short name of
// its own: its profile's, when no file before it and no configured model has that, else one made
// of its file name. Files whose paths are taken, projectors, and names that make no short name are
// left out.
func discover(dir string, taken func(short string) bool, named func(path string) bool) ([]found, []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, []string{fmt.Sprintf("models_dir %s cannot be read: no models were found there", dir)}
	}
	var models []found
	var notices []string
	used := map[string]bool{}
	free := func(short string) bool { return short != "" && !used[short] && !taken(short) }
	for _, e := range entries {
		stem, isGGUF := strings.CutSuffix(strings.ToLower(e.Name()), ".gguf")
		path := filepath.Join(dir, e.Name())
		if !isGGUF || strings.HasPrefix(stem, ".") || strings.HasPrefix(stem, "mmproj") || named(path) || !isFile(path) {
			continue
		}
		if part := laterPart.FindStringSubmatch(stem); part != nil {
			if part[1] != "00001" {
				continue
			}
			stem = strings.TrimSuffix(stem, part[0])
		}
		short := shortOf(stem)
		if p := channel.ProfileOfFile(e.Name()); p != nil && free(p.Short) {
			short = p.Short
		}
		if !free(short) {
			notices = append(notices, fmt.Sprintf("%s is not served: its short name %q is taken; name it under models", path, short))
			continue
		}
		used[short] = true
		models = append(models, found{short, path})
	}
	return models, notices
}

// isFile follows links: models are often links into a cache.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// shortOf makes a short name of a file name without its ending.
func shortOf(stem string) string {
	short := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, stem)
	short = strings.Trim(short, "._-")
	return strings.Trim(short[:min(len(short), channel.MaxShort)], "._-")
}
