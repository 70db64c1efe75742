package draftmodel

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Keys of the parameters.
const (
	keyModel   = "model"     // path of the GGUF; relative: to the folder of the target's
	keyMost    = "max_draft" // tokens of a proposal
	keyThreads = "threads"
)

const defaultMost = 8

// params are the drafter's settings.
type params struct {
	model   string
	most    int
	threads int
}

func parse(p drafter.Params, target drafter.Target) (params, error) {
	out := params{most: defaultMost, threads: runtime.GOMAXPROCS(0)}
	number := func(key, text string, to *int, high int) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > high {
			return fmt.Errorf("%s: %w: %q is not a whole number between 1 and %d", key, base.ErrInvalid, text, high)
		}
		*to = n
		return nil
	}
	for key, text := range p {
		var err error
		switch key {
		case keyModel:
			if out.model = text; !filepath.IsAbs(text) {
				out.model = filepath.Join(filepath.Dir(target.Path), text)
			}
		case keyMost:
			err = number(key, text, &out.most, drafter.MaxProposal)
		case keyThreads:
			err = number(key, text, &out.threads, 512)
		default:
			err = fmt.Errorf("%s: %w: the drafter draft has %s, %s and %s", key, base.ErrInvalid, keyModel, keyMost, keyThreads)
		}
		if err != nil {
			return out, err
		}
	}
	if out.model == "" {
		return out, fmt.Errorf("%s: %w: name the GGUF file of a smaller model with the target's vocabulary", keyModel, base.ErrInvalid)
	}
	return out, nil
}

// sameVocabulary refuses a draft model whose tokens are not the target's.
func sameVocabulary(draft string, target drafter.Target) error {
	own, err := gguf.ReadFile(draft)
	if err != nil {
		return fmt.Errorf("%s: %w: %s: %w", keyModel, base.ErrInvalid, draft, err)
	}
	theirs, err := gguf.ReadFile(target.Path)
	if err != nil {
		return fmt.Errorf("path: %w: %s: %w", base.ErrInvalid, target.Path, err)
	}
	const tokens = "tokenizer.ggml.tokens"
	if own.Lists[tokens] == (gguf.List{}) || own.Lists[tokens] != theirs.Lists[tokens] {
		return fmt.Errorf("%s: %w: %s has another vocabulary than %s", keyModel, base.ErrUnsupported, filepath.Base(draft), filepath.Base(target.Path))
	}
	return nil
}
