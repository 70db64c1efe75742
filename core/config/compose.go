package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// composition turns a merged configuration into its channels.
type composition struct {
	cfg      *Config
	sources  *sources
	layers   []layer
	problems []Problem
}

// run fills in what depends on the machine and composes the set. It returns what is wrong.
func (c *composition) run() []Problem {
	cfg := c.cfg
	if !filepath.IsAbs(cfg.ModelsDir) { // the default
		cfg.ModelsDir = filepath.Join(c.sources.workDir, cfg.ModelsDir)
	}
	if cfg.DataDir == "" {
		cfg.DataDir = stateDir(c.sources.getenv, c.sources.workDir)
	}
	if cfg.Sessions.Dir == "" {
		cfg.Sessions.Dir = filepath.Join(cfg.DataDir, "sessions")
	}
	if cfg.Plugins.Dir == "" {
		cfg.Plugins.Dir = binaryDir(c.sources.workDir)
	}
	if cfg.File != "" {
		cfg.Files = []string{cfg.File}
	}
	c.keys()
	in := channel.Input{
		Models:    c.models(),
		Channels:  map[string]channel.Spec{},
		Aliases:   cfg.Aliases,
		Defaults:  c.spec(Channel{Backend: cfg.Defaults.Backend, Sampling: cfg.Defaults.Sampling, Limits: cfg.Defaults.Limits, Load: cfg.Defaults.Load, Cache: cfg.Defaults.Cache}),
		Known:     c.known(),
		OnRequest: cfg.ComposeOnRequest,
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Channels)) {
		spec := c.spec(cfg.Channels[name])
		if spec.AB != nil {
			c.alone(name)
		}
		spec.ChatTemplate = c.template(name)
		in.Channels[name] = spec
	}
	set, err := channel.Compose(in)
	for _, e := range split(err) {
		var keyed *channel.Error
		if !errors.As(e, &keyed) {
			c.problems = append(c.problems, Problem{Source: "channels", Message: e.Error()})
			continue
		}
		p := locate(c.layers, keyed.Key, false)
		p.Message = strings.TrimPrefix(keyed.Err.Error(), channel.ErrRefused.Error()+": ")
		c.problems = append(c.problems, p)
	}
	cfg.Set = set
	return c.problems
}

// models are the configured models and those found in models_dir.
func (c *composition) models() map[string]channel.Model {
	cfg := c.cfg
	models := map[string]channel.Model{}
	paths := map[string]bool{}
	for short, m := range cfg.Models {
		model := fileModel(absolute(m.File, cfg.ModelsDir, c.sources.home))
		model.Profile = m.Profile
		models[short] = model
		paths[model.Path] = true
	}
	if cfg.Discover == "always" || cfg.Discover == "auto" && len(cfg.Models) == 0 {
		named := func(short string) bool { _, ok := models[short]; return ok }
		finds, notices := discover(cfg.ModelsDir, named, func(path string) bool { return paths[path] })
		cfg.Notices = append(cfg.Notices, notices...)
		for _, f := range finds {
			models[f.short] = fileModel(f.path)
		}
	}
	for _, short := range slices.Sorted(maps.Keys(models)) {
		m := models[short]
		c.sources.digest.add(m.Path, fmt.Append(nil, short, m.Missing, m.Created.UnixNano()))
		if m.Missing {
			cfg.Notices = append(cfg.Notices, fmt.Sprintf("model %s: there is no file %s", short, m.Path))
		}
	}
	return models
}

func fileModel(path string) channel.Model {
	info, err := os.Stat(path)
	if err != nil {
		return channel.Model{Path: path, Missing: true, Created: time.Unix(0, 0)}
	}
	return channel.Model{Path: path, Created: info.ModTime()}
}

// known are the plugins of this repository, those listed, and those in the plugin folder.
func (c *composition) known() channel.Known {
	byKind := map[string][]string{
		string(base.KindBackend): slices.Clone(channel.OurBackends),
		string(base.KindCodec):   slices.Clone(channel.OurCodecs),
		string(base.KindDrafter): slices.Clone(channel.OurDrafters),
	}
	for _, p := range c.cfg.Plugins.List {
		byKind[p.Kind] = append(byKind[p.Kind], p.Name)
	}
	entries, _ := os.ReadDir(c.cfg.Plugins.Dir) // the host tells of a folder that cannot be read
	for _, e := range entries {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".exe"), "kakeya-")
		kind, name, both := strings.Cut(rest, "-")
		if ok && both && byKind[kind] != nil {
			byKind[kind] = append(byKind[kind], name)
		}
	}
	distinct := func(kind base.Kind) []string {
		return slices.Compact(slices.Sorted(slices.Values(byKind[string(kind)])))
	}
	return channel.Known{
		Backends: distinct(base.KindBackend),
		Codecs:   distinct(base.KindCodec),
		Drafters: distinct(base.KindDrafter),
	}
}

// template reads a channel's chat template.
func (c *composition) template(name string) string {
	path := c.cfg.Channels[name].ChatTemplate
	if path == "" {
		return ""
	}
	c.cfg.Files = append(c.cfg.Files, path)
	data, err := os.ReadFile(path)
	if err != nil {
		p := locate(c.layers, []string{"channels", name, "chat_template"}, false)
		p.Message = err.Error()
		c.problems = append(c.problems, p)
	}
	c.sources.digest.add(path, data)
	return string(data)
}

// alone says which keys of a channel do not go with ab. Those of defaults are not its own.
func (c *composition) alone(name string) {
	for _, l := range c.layers {
		channels, _ := l.values["channels"].(map[string]any)
		own, _ := channels[name].(map[string]any)
		for key := range own {
			if key != "ab" && key != "aliases" {
				p, _ := l.locate([]string{"channels", name, key}, true)
				p.Message = "it does not go with ab: say it of the channels a and b"
				c.problems = append(c.problems, p)
			}
		}
	}
}

// spec turns a channel of the file into what composition takes.
func (c *composition) spec(ch Channel) channel.Spec {
	s := channel.Spec{
		Model: ch.Model, Backend: ch.Backend,
		Load: ch.Load.backend(),
		Limits: channel.Limits{
			MaxTokens: ch.Limits.MaxTokens, MaxPromptTokens: ch.Limits.MaxPromptTokens,
			Timeout: time.Duration(ch.Limits.Timeout), Queue: ch.Limits.Queue,
		},
		Sampling:     ch.Sampling.backend(),
		SystemPrompt: ch.SystemPrompt, Aliases: ch.Aliases, Pin: ch.Pin, Preload: ch.Preload,
		TTL: max(0, time.Duration(c.cfg.Pool.IdleTTL)),
	}
	if ch.IdleTTL != 0 {
		s.TTL = max(0, time.Duration(ch.IdleTTL))
	}
	if ab := ch.AB; ab != nil {
		s.AB = &channel.ABSpec{A: ab.A, B: ab.B, Split: float64(ab.Split) / 100, Sticky: channel.Sticky(ab.Sticky), Shadow: ab.Shadow}
	}
	s.Cache = channel.CacheSpec{
		Mode: ch.Cache.Mode, ParkAfter: time.Duration(ch.Cache.ParkAfter),
		Recent: ch.Cache.Recent,
	}
	if n := ch.Cache.Sinks; n != nil {
		s.Cache.Sinks = *n
		if *n == 0 {
			s.Cache.Sinks = -1
		}
	}
	if k := ch.Codec; k != nil {
		s.Codec = &channel.CodecSpec{Name: k.Name, Q: k.Q, Boundary: channel.Unset, Params: k.Params}
		if k.Boundary != nil {
			s.Codec.Boundary = *k.Boundary
		}
	}
	if d := ch.Drafter; d != nil {
		s.Drafter = &channel.DrafterSpec{Name: d.Name, Params: d.Params}
	}
	return s
}

// split returns the errors that errors.Join joined.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}
