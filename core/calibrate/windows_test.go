package calibrate

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// numbered are a text's windows of one token each, which says the text and the window.
func numbered(text, n int) [][]backend.Token {
	var out [][]backend.Token
	for i := range n {
		out = append(out, []backend.Token{backend.Token(100*text + i)})
	}
	return out
}

func TestPiecesBeginAsTheModelWants(t *testing.T) {
	assert.Equal(t, [][]backend.Token{{9, 0, 1}, {9, 2, 3}}, pieces([]backend.Token{0, 1, 2, 3, 4}, []backend.Token{9}, 3))
	assert.Equal(t, [][]backend.Token{{0, 1}}, pieces([]backend.Token{0, 1}, nil, 2))
	assert.Empty(t, pieces([]backend.Token{0}, nil, 2))
}

func TestEachTextGivesItsShare(t *testing.T) {
	assert.Equal(t, []int{4, 3, 3}, share([]int{50, 50, 50}, 10))
	assert.Equal(t, []int{7, 1, 2}, share([]int{50, 1, 2}, 10), "short texts give all")
	assert.Equal(t, []int{2, 1}, share([]int{2, 1}, 10), "there is no more")
}

func TestWindowsComeFromAllOverEachText(t *testing.T) {
	learn, held, err := choose([][][]backend.Token{numbered(1, 40), numbered(2, 20)}, 8, 2)
	require.NoError(t, err)
	assert.Len(t, learn, 8)
	assert.Len(t, held, 2)
	var all []backend.Token
	for _, w := range slices.Concat(learn, held) {
		all = append(all, w[0])
	}
	slices.Sort(all)
	assert.Equal(t, []backend.Token{104, 112, 120, 128, 136, 202, 206, 210, 214, 218}, all)
	assert.Equal(t, backend.Token(210), held[0][0], "of each text one")
	assert.Equal(t, backend.Token(120), held[1][0])
}

func TestShortTextsAreRefused(t *testing.T) {
	_, _, err := choose([][][]backend.Token{numbered(1, 5), numbered(2, 4)}, 36, 2)
	var short *TooShortError
	require.ErrorAs(t, err, &short)
	assert.Equal(t, TooShortError{Have: 9, Need: 10}, *short)
	assert.ErrorContains(t, err, "English text of 21 KB")
	learn, held, err := choose([][][]backend.Token{numbered(1, 10)}, 36, 2)
	require.NoError(t, err, "fewer than were asked for, and enough")
	assert.Len(t, learn, 8)
	assert.Len(t, held, 2)
}

func TestTextsThatCodecsAreMeasuredWithAreKnown(t *testing.T) {
	for _, name := range []string{"tom-sawyer.txt", "opticks.txt", "go.txt"} {
		text, err := os.ReadFile("../../bench/texts/" + name)
		require.NoError(t, err)
		assert.True(t, Measured(string(text)), name)
		words := strings.Fields(string(text))
		assert.True(t, Measured(strings.ToUpper(strings.Join(words[len(words)/2:], "\n"))), "half of %s in another layout", name)
	}
	for _, name := range []string{"../../docs/codec.md", "../../docs/calibrated.md"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.False(t, Measured(string(text)), name)
	}
}
