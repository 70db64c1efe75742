package engine

import (
	"fmt"
	"slices"
	"sync"

	"github.com/kakeyad/kakeyad/core/decode/grammar"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// keptConstraints is how many compiled constraints are kept for requests that ask for them again.
const keptConstraints = 16

// constraints makes matchers, and keeps the latest with what they have learned of the vocabulary.
type constraints struct {
	vocabulary func() *grammar.Vocabulary // made when first asked for

	mu   sync.Mutex
	kept []compiled // most recently used last
}

type compiled struct {
	source backend.Constraint
	start  *grammar.Matcher
}

func newConstraints(v Vocabulary) *constraints {
	return &constraints{vocabulary: sync.OnceValue(func() *grammar.Vocabulary {
		return grammar.NewVocabulary(v.Size(), func(t backend.Token) []byte { return v.Piece(t, false) }, v.IsEnd)
	})}
}

// matcher returns what enforces a constraint on a new text, nil for none.
func (c *constraints) matcher(source backend.Constraint) (*grammar.Matcher, error) {
	switch {
	case source == backend.Constraint{}:
		return nil, nil
	case source.Grammar != "" && source.JSONSchema != "":
		return nil, fmt.Errorf("constraint has both a grammar and a JSON schema: %w", base.ErrInvalid)
	}
	if m := c.find(source); m != nil {
		return m, nil
	}
	text := source.Grammar
	if source.JSONSchema != "" {
		var err error
		if text, err = grammar.FromJSONSchema(source.JSONSchema); err != nil {
			return nil, fmt.Errorf("constraint.json_schema: %w", err)
		}
	}
	parsed, err := grammar.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("constraint.grammar: %w", err)
	}
	m := parsed.Matcher(c.vocabulary())
	c.keep(compiled{source, m})
	return m.Clone(), nil
}

func (c *constraints) find(source backend.Constraint) *grammar.Matcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.kept, func(k compiled) bool { return k.source == source })
	if i < 0 {
		return nil
	}
	k := c.kept[i]
	c.kept = append(slices.Delete(c.kept, i, i+1), k)
	return k.start.Clone()
}

func (c *constraints) keep(k compiled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) == keptConstraints {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, k)
}
