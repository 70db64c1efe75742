package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Options say where a configuration comes from. The zero value is: no file unless KAKEYAD_CONFIG
// names one, this process's environment, no flags.
type Options struct {
	File    string         // path of the YAML file; "": what KAKEYAD_CONFIG names, else none
	Flags   *pflag.FlagSet // parsed, see AddFlags; may be nil
	Environ []string       // NAME=value; nil: os.Environ()
	WorkDir string         // what relative paths of File, variables and flags start at; "": the current folder
}

// Load reads, merges, checks and composes a configuration. What is wrong with it is an *Error.
func Load(o Options) (*Config, error) {
	s, err := o.open()
	if err != nil {
		return nil, err
	}
	layers, err := s.layers()
	if err != nil {
		return nil, err
	}
	cfg, problems, err := merge(layers)
	if err != nil {
		return nil, err
	}
	if err := asError(problems); err != nil {
		return nil, err
	}
	cfg.File = s.file
	cfg.Notices = s.notices
	c := composition{cfg: cfg, sources: s, layers: layers}
	if err := asError(c.run()); err != nil {
		return nil, err
	}
	cfg.digest = s.digest.String()
	return cfg, nil
}

// sources is what Options come to on this machine.
type sources struct {
	file    string // absolute; "" when there is none
	shown   string // its name in errors
	flags   *pflag.FlagSet
	environ []string
	workDir string
	home    string
	notices []string
	digest  digest
}

func (o Options) open() (*sources, error) {
	s := &sources{flags: o.Flags, environ: o.Environ, workDir: o.WorkDir, digest: newDigest()}
	if s.environ == nil {
		s.environ = os.Environ()
	}
	if s.workDir == "" {
		dir, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("find the current folder: %w", err)
		}
		s.workDir = dir
	}
	s.home = s.getenv("HOME")
	s.file = o.File
	if s.file == "" {
		s.file = s.getenv(envFile)
	}
	if s.file != "" {
		s.file = absolute(s.file, s.workDir, s.home)
		s.shown = shownName(s.file, s.workDir)
	}
	return s, nil
}

// getenv returns a variable of the sources' environment; the last one of a name counts.
func (s *sources) getenv(name string) string {
	for _, v := range slices.Backward(s.environ) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// layers reads all but the defaults, lowest first. Mistakes of all layers are told together.
func (s *sources) layers() ([]layer, error) {
	var layers []layer
	var problems []Problem
	if s.file != "" {
		data, err := readFile(s.file, s.shown)
		if err != nil {
			return nil, err
		}
		s.digest.add(s.file, data)
		l, err := fileLayer(s.shown, data, filepath.Dir(s.file), s.home)
		var bad *Error
		switch {
		case errors.As(err, &bad):
			problems = append(problems, bad.Problems...)
		case err != nil:
			return nil, err
		default:
			layers = append(layers, l)
		}
	}
	l, notices, err := envLayer(s.environ, s.workDir, s.home)
	if err != nil {
		return nil, err
	}
	s.notices = notices
	layers = append(layers, l)
	if l, err = flagLayer(s.flags, s.workDir, s.home); err != nil {
		return nil, err
	}
	layers = append(layers, l)
	for _, l := range layers {
		problems = append(problems, l.check()...)
	}
	return layers, asError(problems)
}

// merge lays the layers over the defaults.
func merge(layers []layer) (*Config, []Problem, error) {
	k := koanf.New(delimiter)
	base, err := asMap(Default())
	if err != nil {
		return nil, nil, err
	}
	if err := k.Load(confmap.Provider(base, ""), nil); err != nil {
		return nil, nil, fmt.Errorf("merge the defaults: %w", err)
	}
	for _, l := range layers {
		if err := k.Load(confmap.Provider(l.values, ""), nil); err != nil {
			return nil, nil, fmt.Errorf("merge: %w", err)
		}
	}
	values := k.Raw()
	inherit(values)
	cfg := &Config{}
	if err := decode(values, cfg); err != nil {
		return nil, nil, err
	}
	return cfg, cfg.contradictions(layers), nil
}
