package vocab_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

func open(t *testing.T, path string) (*vocab.Vocabulary, *binding.Model) {
	t.Helper()
	binding.Start()
	model, err := binding.LoadModel(path, binding.ModelParams{})
	require.NoError(t, err)
	v := vocab.New(model)
	t.Cleanup(func() {
		v.Close()
		model.Free()
	})
	return v, model
}

// TestPieces holds the table against llama.cpp for every token, and texts against their pieces.
func TestPieces(t *testing.T) {
	for name, path := range map[string]string{"SmolLM2": testmodel.SmolLM2(t), "Gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			v, model := open(t, path)
			require.Equal(t, model.VocabularySize(), v.Size())
			for token := range backend.Token(v.Size()) {
				for _, special := range []bool{false, true} {
					want := model.Piece(nil, token, special)
					if got := v.Piece(token, special); string(got) != string(want) {
						t.Fatalf("token %d, special %v: %q, want %q", token, special, got, want)
					}
				}
				if v.IsEnd(token) != model.IsEnd(token) {
					t.Fatalf("token %d: IsEnd is %v", token, v.IsEnd(token))
				}
			}
			for _, text := range []string{"plain words", "naïve café, 東京, 🦜🏽", "\x00\x07\t\r\n", "    indented\n\n\n"} {
				tokens, err := v.Tokenize(text, false, false)
				require.NoError(t, err)
				back, err := v.Detokenize(tokens)
				require.NoError(t, err)
				require.Equal(t, text, string(back))
			}
			eos := model.Special()["eos"]
			require.True(t, v.IsEnd(eos))
			require.Empty(t, v.Piece(eos, false))
			require.NotEmpty(t, v.Piece(eos, true))
		})
	}
}

func TestOutside(t *testing.T) {
	v, _ := open(t, testmodel.SmolLM2(t))
	for _, token := range []backend.Token{-1, backend.Token(v.Size())} {
		require.Nil(t, v.Piece(token, true))
		require.False(t, v.IsEnd(token))
		_, err := v.Detokenize([]backend.Token{1, token})
		require.ErrorIs(t, err, base.ErrInvalid)
	}
}

// TestClose tokenizes from many goroutines while the model goes away.
func TestClose(t *testing.T) {
	v, _ := open(t, testmodel.SmolLM2(t))
	started := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for range cap(started) {
		wg.Go(func() {
			started <- struct{}{}
			for {
				if _, err := v.Tokenize("some words", true, false); err != nil {
					assert.ErrorIs(t, err, backend.ErrModelNotLoaded)
					return
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	v.Close()
	wg.Wait()
	require.NotEmpty(t, v.Piece(v.Ends()[0], true))
}
