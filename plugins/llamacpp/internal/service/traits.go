package service

import (
	"fmt"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// traits are what the options and the info of a model depend on.
type traits struct {
	binding.Shape
	architecture string
	headDim      int // of the keys
	valueDim     int
	generative   bool // it can generate, and embeds besides
	whole        bool // tokens attend to later ones: a text must be computed in one step
	ranks        bool
	pooling      executor.Pooling
	firstToken   int32 // one that is safe to warm up with
}

// Values of "<architecture>.pooling_type" in a GGUF.
const (
	poolingNone  = "0"
	poolingFirst = "2"
	poolingLast  = "3"
	poolingRank  = "4"
)

func traitsOf(m *binding.Model) (traits, error) {
	t := traits{
		Shape:        m.Shape(),
		architecture: m.Meta("general.architecture"),
		pooling:      executor.PoolMean,
	}
	if m.HasEncoder() || m.Diffusion() {
		return t, fmt.Errorf("models of architecture %s do not generate from left to right: %w", t.architecture, base.ErrUnsupported)
	}
	heads := max(t.Heads, 1)
	t.headDim = numberOr(m.Meta(t.architecture+".attention.key_length"), t.Embedding/heads)
	t.valueDim = numberOr(m.Meta(t.architecture+".attention.value_length"), t.headDim)
	t.whole = m.Meta(t.architecture+".attention.causal") == "false"
	pooling := m.Meta(t.architecture + ".pooling_type")
	t.generative = !t.whole && (pooling == "" || pooling == poolingNone)
	switch pooling {
	case poolingFirst:
		t.pooling = executor.PoolFirst
	case poolingLast:
		t.pooling = executor.PoolLast
	case poolingRank:
		t.ranks = true
	}
	for _, name := range []string{"bos", "eos", "eot"} {
		if token, ok := m.Special()[name]; ok {
			t.firstToken = token
			break
		}
	}
	return t, nil
}

// kvBytesPerToken is the size of one token's keys and values in all layers, if all are alike.
func (t traits) kvBytesPerToken(k, v string) int64 {
	perLayer := bytesOf(k, t.KVHeads*t.headDim) + bytesOf(v, t.KVHeads*t.valueDim)
	return int64(t.Layers) * perLayer
}

// bytesOf is the size of n numbers in a KV type.
func bytesOf(kind string, n int) int64 {
	switch kind {
	case "q8_0":
		return int64(n) / quantBlock * (quantBlock + 2)
	case "q4_0":
		return int64(n) / quantBlock * (quantBlock/2 + 2)
	default:
		return int64(n) * 2
	}
}

func numberOr(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return n
	}
	return fallback
}
