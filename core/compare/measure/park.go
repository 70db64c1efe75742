package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	composed "github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/session"
)

// unloadTime is how long Park waits for others to let go of a model.
const unloadTime = 30 * time.Second

// Park implements compare.Bench. Unloading the model parks the conversation; then it is loaded again and
// goes on, once with what was restored and once computed anew.
func (b *Bench) Park(ctx context.Context, name string, tokens []backend.Token, n int) (_ *compare.Parking, err error) {
	conversation, of, err := b.converse(ctx, name, tokens, n)
	if err != nil || conversation == nil {
		return nil, err
	}
	limited, done := context.WithTimeout(ctx, unloadTime)
	defer done()
	defer func() {
		_ = b.router.Unload(limited, of) // else it would park what follows pages that are forgotten
		err = errors.Join(err, b.router.Forget(context.WithoutCancel(ctx), b.scope))
	}()
	err = b.router.Unload(limited, of)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%w: others use the model", compare.ErrNotParked)
	case err != nil && !errors.Is(err, pool.ErrNotLoaded):
		return nil, err
	}
	kept := b.router.Parked(b.scope)
	call, err := b.open(ctx, of)
	if err != nil {
		return nil, err
	}
	defer b.close(call)
	if _, _, err := answer(ctx, call, tokens[:1], 1, true); err != nil { // what is first is slow
		return nil, err
	}
	again, end, err := answer(ctx, call, conversation, n, false)
	if err != nil {
		return nil, err
	}
	anew, _, err := answer(ctx, call, conversation, n, true)
	if err != nil {
		return nil, err
	}
	out := &compare.Parking{
		Tokens: len(conversation), ParkedTokens: kept.Pages * session.PageTokens,
		ParkedBytes: kept.Bytes, NominalBytes: kept.Nominal,
		RestoredTokens: end.RestoredTokens, RestoreMS: milliseconds(end.Timings.Restore), ComputeMS: milliseconds(anew.Prefill),
	}
	if out.ParkedTokens > 0 { // pages of a conversation are of nearly one size
		out.RestoredBytes = out.ParkedBytes * int64(out.RestoredTokens) / int64(out.ParkedTokens)
	}
	if !slices.Equal(anew.Tokens, again.Tokens) {
		at := compare.Common(anew.Tokens, again.Tokens)
		out.PartsAt = &at
	}
	return out, nil
}

// converse has a channel answer, and returns the whole. Nil: the channel parks nothing.
func (b *Bench) converse(ctx context.Context, name string, tokens []backend.Token, n int) ([]backend.Token, *composed.Channel, error) {
	c, err := b.resolve(name)
	if err != nil {
		return nil, nil, err
	}
	call, err := b.open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	defer b.close(call)
	if call.Model().PageFormat == "" || !b.router.Parks() {
		return nil, nil, nil
	}
	a, _, err := answer(ctx, call, tokens, n, false)
	return slices.Concat(tokens, a.Tokens), call.Channel(), err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
