package backendtest

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

var statsChecks = []Check{
	{
		Name: "stats/add-up",
		Doc:  "Counters of a model begin at zero and add up to what its answers told.",
		Run:  checkStats,
	},
	{
		Name: "stats/now",
		Doc:  "Active counts the requests that run.",
		Run:  checkActive,
	},
}

func checkStats(ctx context.Context, env *Env) error {
	return env.with(ctx, env.Options, func(m *model) error {
		zero, err := env.Backend.Stats(ctx, m.id)
		if err != nil {
			return err
		}
		if zero.Requests != 0 || zero.PromptTokens != 0 || zero.OutputTokens != 0 || !idle(zero) {
			return fmt.Errorf("a new model has %+v", zero)
		}
		if zero.Slots != m.info.Options.Parallel || zero.Cells < m.info.Options.Context {
			return fmt.Errorf("%d slots and %d cells, its options are %+v", zero.Slots, zero.Cells, m.info.Options)
		}
		var want backend.Stats
		for _, n := range []int{3, 5, 8} {
			req := m.greedy(n)
			req.NoCache = false
			a, err := m.ask(ctx, req)
			if err != nil {
				return err
			}
			want.Requests++
			want.PromptTokens += int64(a.final.PromptTokens - a.final.CachedTokens)
			want.CachedTokens += int64(a.final.CachedTokens)
			want.OutputTokens += int64(a.final.OutputTokens)
		}
		return m.until(ctx, fmt.Sprintf("the counters are %+v", want), func(s backend.Stats) bool {
			return idle(s) && s.Requests == want.Requests && s.PromptTokens == want.PromptTokens &&
				s.CachedTokens == want.CachedTokens && s.OutputTokens == want.OutputTokens &&
				s.Steps > 0 && s.StepTokens >= s.Steps && s.Busy > 0 && s.CellsUsed <= s.Cells
		})
	})
}

func checkActive(ctx context.Context, env *Env) error {
	return env.with(ctx, env.slow(), func(m *model) error {
		r, err := m.start(ctx, m.greedy(0))
		if err != nil {
			return err
		}
		defer r.end()
		if err := m.until(ctx, "one request runs", func(s backend.Stats) bool { return s.Active == 1 }); err != nil {
			return err
		}
		if err := expect(r.stop(), context.Canceled, "cancel"); err != nil {
			return err
		}
		return m.until(ctx, "none runs", idle)
	})
}
