package channel_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func input(channels map[string]channel.Spec) channel.Input {
	return channel.Input{
		Models: map[string]channel.Model{
			"m":    {Path: "/m/m.gguf"},
			"same": {Path: "/m/m.gguf"},
			"n":    {Path: "/m/n.gguf"},
		},
		Channels:  channels,
		Known:     channel.Known{Codecs: channel.OurCodecs, Drafters: channel.OurDrafters},
		OnRequest: true,
	}
}

// Channels share a loaded model when nothing that loading depends on differs.
func TestLoadKey(t *testing.T) {
	e8 := func(q, boundary int, params map[string]string) *channel.CodecSpec {
		return &channel.CodecSpec{Name: "e8", Q: q, Boundary: boundary, Params: params}
	}
	base := channel.Spec{Model: "m", Load: backend.LoadOptions{Context: 2048, Extra: map[string]string{"a": "1", "b": "2"}}}
	vary := func(change func(*channel.Spec)) channel.Spec {
		s := base
		change(&s)
		return s
	}
	set, err := channel.Compose(input(map[string]channel.Spec{
		"base":           base,
		"host side only": {},
	}))
	require.Nil(t, set)
	require.ErrorIs(t, err, channel.ErrRefused)

	set, err = channel.Compose(input(map[string]channel.Spec{
		"base": base,
		"host-side": vary(func(s *channel.Spec) {
			s.Sampling.Temperature, s.Limits.MaxTokens, s.SystemPrompt, s.ChatTemplate = 1, 5, "hi", "{{ x }}"
			s.Pin, s.Preload, s.TTL, s.Aliases = true, true, time.Hour, []string{"other"}
			s.Backend, s.Model = "llamacpp", "same"
		}),
		"model":    vary(func(s *channel.Spec) { s.Model = "n" }),
		"backend":  vary(func(s *channel.Spec) { s.Backend = "gomlx" }),
		"context":  vary(func(s *channel.Spec) { s.Load.Context++ }),
		"extra":    vary(func(s *channel.Spec) { s.Load.Extra = map[string]string{"a": "1"} }),
		"codec":    vary(func(s *channel.Spec) { s.Codec = e8(38, channel.Unset, nil) }),
		"codec-b0": vary(func(s *channel.Spec) { s.Codec = e8(38, 0, nil) }),
		"codec-q":  vary(func(s *channel.Spec) { s.Codec = e8(10, 0, nil) }),
		"params":   vary(func(s *channel.Spec) { s.Codec = e8(38, 0, map[string]string{"recent": "8"}) }),
		"drafter":  vary(func(s *channel.Spec) { s.Drafter = &channel.DrafterSpec{Name: "ngram"} }),
	}))
	require.NoError(t, err)
	keys := map[string]string{} // key to the first channel with it
	same := map[string]string{"host-side": "base", "codec-b0": "codec"}
	for _, name := range []string{"base", "host-side", "model", "backend", "context", "extra", "codec", "codec-b0", "codec-q", "params", "drafter"} {
		c, err := set.Resolve(name)
		require.NoError(t, err)
		if first, taken := keys[c.LoadKey()]; taken {
			require.Equal(t, same[name], first, "%s shares the key of %s", name, first)
			continue
		}
		require.Empty(t, same[name], "%s has a key of its own", name)
		keys[c.LoadKey()] = name
	}
}

// A set does not change under those who read it, however often it is asked.
func TestResolveOnRequestIsRepeatable(t *testing.T) {
	set, err := channel.Compose(input(map[string]channel.Spec{
		"m": {Sampling: backend.Sampling{Temperature: 0.5, LogitBias: map[backend.Token]float32{1: 2}}, Codec: &channel.CodecSpec{Name: "e8", Boundary: channel.Unset}},
	}))
	require.NoError(t, err)
	before, err := json.Marshal(set.All())
	require.NoError(t, err)
	first, err := set.Resolve("m@d4-q10-b1+ngram")
	require.NoError(t, err)
	require.InDelta(t, 0.5, first.Sampling.Temperature, 1e-6)
	again, err := set.Resolve("m@d4-q10-b1+ngram")
	require.NoError(t, err)
	require.Equal(t, first, again)
	plain, err := set.Resolve("m:llamacpp")
	require.NoError(t, err)
	require.Nil(t, plain.Codec, "an id without a codec has none, whatever the channel of its short name has")
	after, err := json.Marshal(set.All())
	require.NoError(t, err)
	require.JSONEq(t, string(before), string(after))
}

func TestUnknownErrorOfHostileNames(t *testing.T) {
	set, err := channel.Compose(input(nil))
	require.NoError(t, err)
	long := make([]byte, 1<<20)
	for i := range long {
		long[i] = 'm'
	}
	_, err = set.Resolve(string(long))
	require.ErrorIs(t, err, channel.ErrUnknown)
	require.Less(t, len(err.Error()), 400)
}

func TestComposeErrorsAreKeyed(t *testing.T) {
	_, err := channel.Compose(input(map[string]channel.Spec{"c": {Model: "m", Drafter: &channel.DrafterSpec{Name: "x"}}}))
	var keyed *channel.Error
	require.True(t, errors.As(err, &keyed))
	require.Equal(t, []string{"channels", "c", "drafter", "name"}, keyed.Key)
}

func TestProfiles(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range channel.Profiles() {
		require.False(t, seen[p.Short], p.Short)
		seen[p.Short] = true
		id, err := channel.Parse(p.Short)
		require.NoError(t, err)
		require.Equal(t, channel.ID{Short: p.Short}, id, "a profile's short name is a channel id")
		require.Same(t, p, channel.ProfileOf(p.Short))
		require.Same(t, p, channel.ProfileOfFile(p.Name+"-Instruct.Q4_K_M.gguf"))
		require.Contains(t, p.Q, p.Default.Q)
		require.NotEmpty(t, p.Architectures)
		require.GreaterOrEqual(t, p.Boundary.Default, p.Boundary.Least)
		require.Equal(t, p.Boundary.Default > 0, p.Boundary.Reason != "")
		id.Codec = p.Default
		set, err := channel.Compose(channel.Input{
			Models:   map[string]channel.Model{p.Short: {Path: "/m"}},
			Channels: map[string]channel.Spec{id.String(): {}},
			Known:    channel.Known{Codecs: channel.OurCodecs},
		})
		require.NoError(t, err, "the default channel of a profile keeps its own rules")
		for _, c := range set.All() {
			require.NotContains(t, c.Warnings, "q38")
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"smollm2-135m", "gemma-3-270m", "gpt-4o", "gpt-4", "a"}
	for name, want := range map[string][]string{
		"smolm2-135m": {"smollm2-135m"},
		"SMOLLM2":     {"smollm2-135m"},
		"gpt-4":       {"gpt-4", "gpt-4o"},
		"gtp-4":       {"gpt-4"},
		"zzzzzz":      {},
		"":            {"a"},
	} {
		require.Equal(t, want, channel.Nearest(name, names), name)
	}
}
