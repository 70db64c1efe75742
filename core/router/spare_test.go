package router_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// A spare call opens when no other is open, and ends as soon as one opens.
func TestSpareCalls(t *testing.T) {
	set := routertest.Set(t, map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{Answer: "x"})}, map[string]channel.Spec{"m": {}})
	r := routertest.Router(t, routertest.NewBackends(t), set)
	m, err := set.Resolve("m")
	require.NoError(t, err)

	call, err := r.Open(t.Context(), "m")
	require.NoError(t, err)
	type opened struct {
		call *router.Call
		ctx  context.Context
		err  error
	}
	open := func(ctx context.Context) chan opened {
		to := make(chan opened, 1)
		go func() {
			c, ctx, err := r.OpenSpare(ctx, m)
			to <- opened{c, ctx, err}
		}()
		return to
	}
	left, leave := context.WithCancelCause(t.Context())
	given := open(left)
	leave(context.DeadlineExceeded)
	require.ErrorIs(t, (<-given).err, context.DeadlineExceeded)

	waits := open(t.Context())
	call.Close()
	spare := <-waits
	require.NoError(t, spare.err)
	other := <-open(t.Context()) // spare calls do not make way for each other
	require.NoError(t, other.err)
	require.NoError(t, spare.ctx.Err())
	other.call.Close()
	require.ErrorIs(t, other.ctx.Err(), context.Canceled, "its context ends with it")

	call, err = r.Open(t.Context(), "m")
	require.NoError(t, err)
	<-spare.ctx.Done()
	require.ErrorIs(t, context.Cause(spare.ctx), router.ErrPreempted)
	require.ErrorIs(t, router.ErrPreempted, context.Canceled)
	spare.call.Close()
	call.Close()

	_, err = r.Open(t.Context(), "nobody") // counts as nothing
	require.Error(t, err)
	last := <-open(t.Context())
	require.NoError(t, last.err)
	last.call.Close()
}
