package grammar

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// randomVocabulary has all bytes, an end token, and pieces of JSON-like text cut anywhere.
func randomVocabulary(size int, seed uint64) *Vocabulary {
	r := rand.New(rand.NewPCG(seed, 2))
	parts := []string{
		"{", "}", "[", "]", "\"", ":", ",", " ", "\n", "\\", "u00e9", "-", "0", "1", "25", ".", "e", "E+", "true", "false", "null",
		"name", "value", "a", "b", "the", "x y", "é", "€", "😀", "\xe2\x82", "\xac", "\xf0\x9f", "\x98", "\xff", "  ", "\t", "",
	}
	pieces := make([][]byte, size)
	for t := range pieces {
		switch {
		case t < 256:
			pieces[t] = []byte{byte(t)}
		default:
			for range 1 + r.IntN(4) {
				pieces[t] = append(pieces[t], parts[r.IntN(len(parts))]...)
			}
		}
	}
	return NewVocabulary(size,
		func(t backend.Token) []byte { return pieces[t] },
		func(t backend.Token) bool { return t == 256 || t == 300 })
}

func bit(mask []uint64, t backend.Token) bool { return mask[t/64]>>(t%64)&1 != 0 }

// TestMaskIsAllowed walks at random and compares each mask with the answers for single tokens,
// and both with matchers that read the pieces byte by byte.
func TestMaskIsAllowed(t *testing.T) {
	vocabulary := randomVocabulary(2000, 1)
	for name, source := range map[string]string{
		"json":      jsonGrammar,
		"unicode":   `root ::= ([^a-z"] | "name" [€-😀]{2,5})*`,
		"counts":    `root ::= ("x y" | .{3,7} "}"){2,40}`,
		"nested":    "root ::= \"{\" (root | [0-9])* \"}\" | \"[\" root \"]\"",
		"ambiguous": `root ::= (. | ". ." | . .)* "true" (.? .?)*`,
	} {
		t.Run(name, func(t *testing.T) {
			g, err := Parse(source)
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(3, 4))
			for range 5 {
				fresh := g.Matcher(vocabulary)
				m := fresh.Clone()
				var text []byte
				for range 30 {
					mask := m.Mask()
					var allowed []backend.Token
					for tok := range backend.Token(vocabulary.Size()) {
						want := m.CanEnd()
						if !vocabulary.endsText(tok) {
							want = len(vocabulary.pieces[tok]) > 0 && m.viable(vocabulary.pieces[tok])
						}
						if bit(mask, tok) != want || m.Allowed(tok) != want {
							t.Fatalf("after %q token %d %q: mask %v, Allowed %v, want %v", text, tok, vocabulary.pieces[tok], bit(mask, tok), m.Allowed(tok), want)
						}
						if want && !vocabulary.endsText(tok) {
							allowed = append(allowed, tok)
						}
					}
					if len(allowed) == 0 {
						break
					}
					tok := allowed[r.IntN(len(allowed))]
					text = append(text, vocabulary.pieces[tok]...)
					require.NoError(t, m.Accept(tok))
				}
			}
		})
	}
}

// viable says whether bytes can follow, on a machine that knows nothing yet.
func (m *Matcher) viable(piece []byte) bool {
	fresh := newMachine(m.machine.program, m.machine.vocabulary)
	s := fresh.adopt(m.state)
	for _, b := range piece {
		if s = fresh.step(s, b); s == dead {
			return false
		}
	}
	return true
}

// TestForgetting makes the machine forget its states again and again under living matchers.
func TestForgetting(t *testing.T) {
	g, err := Parse(jsonGrammar)
	require.NoError(t, err)
	vocabulary := randomVocabulary(600, 5)
	kept, forgetful := g.Matcher(vocabulary), g.Matcher(vocabulary)
	r := rand.New(rand.NewPCG(5, 6))
	var rollback []*Matcher
	for i := range 300 {
		if i%3 == 0 {
			forgetful.machine.forget()
		}
		mask := kept.Mask()
		require.Equal(t, mask, forgetful.Mask())
		rollback = append(rollback, forgetful.Clone())
		tok := backend.Token(r.IntN(vocabulary.Size()))
		for kept.Done() || !bit(mask, tok) || vocabulary.endsText(tok) {
			if kept.Done() {
				kept, forgetful = g.Matcher(vocabulary), rollback[0].Clone()
				mask = kept.Mask()
			}
			tok = backend.Token(r.IntN(vocabulary.Size()))
		}
		require.NoError(t, kept.Accept(tok))
		require.NoError(t, forgetful.Accept(tok))
		require.Equal(t, kept.CanEnd(), forgetful.CanEnd())
	}
}

// TestClonesAtOnce uses clones, which share a machine, from several goroutines.
func TestClonesAtOnce(t *testing.T) {
	g, err := Parse(jsonGrammar)
	require.NoError(t, err)
	vocabulary := randomVocabulary(600, 5)
	start := g.Matcher(vocabulary)
	var group sync.WaitGroup
	for range 4 {
		m := start.Clone()
		group.Go(func() {
			for _, b := range []byte(`{"a": [1, "b", {"c": null}]}`) {
				if !bit(m.Mask(), backend.Token(b)) || m.Accept(backend.Token(b)) != nil {
					t.Errorf("%q was refused", b)
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkMaskInString(b *testing.B) {
	g, err := Parse(jsonGrammar)
	require.NoError(b, err)
	vocabulary := randomVocabulary(49152, 1)
	m := g.Matcher(vocabulary)
	for _, c := range []byte(`{"a`) {
		require.NoError(b, m.Accept(backend.Token(c)))
	}
	m.Mask()
	b.ReportMetric(float64(len(vocabulary.trie)), "nodes")
	for b.Loop() {
		m.machine.walk(m.state)
	}
}

func BenchmarkMaskFirst(b *testing.B) {
	g, err := Parse(jsonGrammar)
	require.NoError(b, err)
	vocabulary := randomVocabulary(49152, 1)
	for b.Loop() {
		m := g.Matcher(vocabulary)
		for _, c := range []byte(`{"a`) {
			_ = m.Accept(backend.Token(c))
		}
		m.Mask()
	}
}
