package router

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeveral(t *testing.T) {
	say := func(_ context.Context, i int, emit func(Piece) error) error {
		for range 3 {
			p := Piece{}
			p.Text = string(rune('a' + i))
			if err := emit(p); err != nil {
				return err
			}
		}
		return nil
	}
	var said [40]string
	require.NoError(t, several(t.Context(), len(said), func(p Piece) error { said[p.Choice] += p.Text; return nil }, say))
	for i, text := range said {
		c := string(rune('a' + i))
		assert.Equal(t, c+c+c, text)
	}

	enough := errors.New("enough")
	assert.ErrorIs(t, several(t.Context(), 3, func(Piece) error { return enough }, say), enough)
	assert.Panics(t, func() { _ = several(t.Context(), 3, func(Piece) error { panic("no") }, say) })
}
