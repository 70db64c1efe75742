package main

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWithParent(t *testing.T) {
	for name, end := range map[string]error{"closed": io.EOF, "broken": errors.New("read: input/output error")} {
		t.Run(name, func(t *testing.T) {
			in, parent := io.Pipe()
			ctx := withParent(t.Context(), in)
			_, err := parent.Write([]byte("what the parent says is no matter\n"))
			require.NoError(t, err)
			require.NoError(t, ctx.Err())

			require.NoError(t, parent.CloseWithError(end))
			<-ctx.Done()
			assert.True(t, parentGone(ctx))
		})
	}
}

func TestParentGoneIsNoOtherEnd(t *testing.T) {
	in, parent := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	watched := withParent(ctx, in)
	cancel()
	<-watched.Done()
	assert.False(t, parentGone(watched))
	require.NoError(t, parent.Close())
}
