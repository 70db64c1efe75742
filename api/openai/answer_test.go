package openai

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// TestAnswerOfMany holds pieces of answers to come in any order.
func TestAnswerOfMany(t *testing.T) {
	a := NewAnswer(2)
	for _, p := range []struct {
		choice int
		text   string
	}{{0, "a"}, {1, "b"}, {0, "a"}, {3, "d"}, {1, "b"}, {2, "c"}, {0, "a"}} {
		piece := router.Piece{Choice: p.choice}
		piece.Text = p.text
		require.NoError(t, a.Add(piece))
	}
	for i := range 4 {
		piece := router.Piece{Choice: i}
		piece.Final = &backend.Final{Reason: backend.FinishStop, PromptTokens: 10, OutputTokens: 1}
		require.NoError(t, a.Add(piece))
	}
	var out struct {
		Choices []struct {
			Index int
			Text  string
		}
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
		}
	}
	require.NoError(t, json.Unmarshal(a.Append(nil, Completion, Head{}, false), &out))
	require.Len(t, out.Choices, 4)
	for i, want := range []string{"aaa", "bb", "c", "d"} {
		assert.Equal(t, want, out.Choices[i].Text)
		assert.Equal(t, i, out.Choices[i].Index)
	}
	assert.Equal(t, 20, out.Usage.Prompt, "each prompt once")
	assert.Equal(t, 4, out.Usage.Completion)
}
