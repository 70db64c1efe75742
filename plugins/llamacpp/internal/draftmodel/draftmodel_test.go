package draftmodel_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/draftmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
)

func target(t *testing.T) drafter.Target {
	return drafter.Target{
		Architecture: "llama", Path: testmodel.SmolLM2(t), Vocabulary: 49152, Layers: 30, Width: 576, Context: 512, Sessions: 8,
		EndTokens: []drafter.Token{2},
	}
}

// TestConformance drafts for SmolLM2 with SmolLM2: the smallest model of its vocabulary that there is.
func TestConformance(t *testing.T) {
	if !kernels.Exact() {
		t.Skip("these kernels give a token other bits in other batches, which the checks would see")
	}
	l, err := draftertest.Link(t.Context(), draftmodel.New("test"), nil, link.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	model := testmodel.SmolLM2(t)
	draftertest.Run(t, &draftertest.Env{
		Drafter: l, Target: target(t), Patience: 3 * time.Minute,
		Params: drafter.Params{"model": filepath.Base(model), "max_draft": "3", "threads": "1"},
	})
}

func TestAttachRefuses(t *testing.T) {
	d := draftmodel.New("test")
	for name, c := range map[string]struct {
		params drafter.Params
		want   error
	}{
		"no model":           {nil, base.ErrInvalid},
		"no such file":       {drafter.Params{"model": "none.gguf"}, base.ErrInvalid},
		"another vocabulary": {drafter.Params{"model": testmodel.Gemma3(t)}, base.ErrUnsupported},
		"max_draft":          {drafter.Params{"model": testmodel.SmolLM2(t), "max_draft": "0"}, base.ErrInvalid},
		"threads":            {drafter.Params{"model": testmodel.SmolLM2(t), "threads": "x"}, base.ErrInvalid},
	} {
		a, err := d.Attach(t.Context(), target(t), c.params)
		if err == nil {
			err = errors.Join(errors.New("attached"), a.Close())
		}
		require.ErrorIs(t, err, c.want, name)
	}
}
