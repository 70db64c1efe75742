package pool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlan(t *testing.T) {
	idle := func(key string, bytes int64) resident { return resident{key: key, bytes: bytes} }
	busy := func(key string, bytes int64) resident { return resident{key: key, bytes: bytes, busy: true} }
	fixed := func(key string, bytes int64) resident { return resident{key: key, bytes: bytes, fixed: true} }
	leaving := func(key string, bytes int64) resident {
		return resident{key: key, bytes: bytes, fixed: true, leaving: true}
	}
	for name, c := range map[string]struct {
		residents []resident
		demands   []demand
		want      plan
	}{
		"nothing":               {},
		"room":                  {[]resident{idle("a", 50)}, []demand{{"b", 50, 0, false}}, plan{start: []string{"b"}}},
		"first goes first":      {[]resident{idle("a", 50), idle("b", 50)}, []demand{{"c", 50, 0, false}}, plan{unload: []string{"a"}}},
		"idle before leased":    {[]resident{busy("a", 50), idle("b", 50)}, []demand{{"c", 50, 0, false}}, plan{unload: []string{"b"}}},
		"spares the small":      {[]resident{idle("a", 10), idle("b", 90)}, []demand{{"c", 80, 0, false}}, plan{unload: []string{"b"}}},
		"drains":                {[]resident{busy("a", 50), idle("b", 50)}, []demand{{"c", 70, 0, false}}, plan{unload: []string{"b"}, drain: []string{"a"}}},
		"waits for the leaving": {[]resident{leaving("a", 50), idle("b", 50)}, []demand{{"c", 50, 0, false}}, plan{}},
		"spare waits for none":  {[]resident{idle("a", 50)}, []demand{{"c", 60, 0, true}, {"d", 50, 0, true}}, plan{refuse: []string{"c"}, start: []string{"d"}}},
		"spare is not in the way": {
			[]resident{idle("a", 50)}, []demand{{"c", 60, 0, true}, {"d", 60, 0, false}}, plan{refuse: []string{"c"}, unload: []string{"a"}},
		},
		"never fits":            {nil, []demand{{"c", 101, 0, false}}, plan{refuse: []string{"c"}}},
		"never fits the pinned": {[]resident{fixed("a", 60)}, []demand{{"c", 50, 60, false}}, plan{refuse: []string{"c"}}},
		"keeps the first's room": {
			[]resident{busy("a", 60)}, []demand{{"b", 70, 0, false}, {"c", 40, 0, false}}, plan{drain: []string{"a"}},
		},
		"passes the first": {
			[]resident{busy("a", 60)}, []demand{{"b", 70, 0, false}, {"c", 30, 0, false}}, plan{drain: []string{"a"}, start: []string{"c"}},
		},
		"over the budget":  {[]resident{busy("a", 90), idle("b", 30)}, nil, plan{unload: []string{"b"}}},
		"nothing for none": {[]resident{idle("a", 0), fixed("b", 100)}, []demand{{"c", 10, 0, false}}, plan{}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, makePlan(100, c.residents, c.demands))
		})
	}
}

// What holds of every plan, whatever it is made from.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		budget := 1 + r.Int64N(100)
		residents, demands := randomPlanInput(r, budget)
		p := makePlan(budget, residents, demands)
		checkPlan(t, budget, residents, demands, p)
		if t.Failed() {
			t.Fatalf("seed %d: budget %d\nresidents %+v\ndemands %+v\nplan %+v", seed, budget, residents, demands, p)
		}
	}
}

func randomPlanInput(r *rand.Rand, budget int64) (residents []resident, demands []demand) {
	for i := range r.IntN(6) {
		res := resident{key: fmt.Sprint("r", i), bytes: r.Int64N(budget/2 + 1)}
		switch r.IntN(4) {
		case 0:
			res.fixed = true
		case 1:
			res.fixed, res.leaving = true, true
		case 2:
			res.busy = true
		}
		residents = append(residents, res)
	}
	for i := range r.IntN(4) {
		demands = append(demands, demand{key: fmt.Sprint("d", i), bytes: r.Int64N(budget + 10), pinned: r.Int64N(budget/4 + 1)})
	}
	return residents, demands
}

func checkPlan(t *testing.T, budget int64, residents []resident, demands []demand, p plan) {
	t.Helper()
	free, freed, could := budget, int64(0), int64(0)
	for _, r := range residents {
		free -= r.bytes
		unload, drain := slices.Contains(p.unload, r.key), slices.Contains(p.drain, r.key)
		if unload && (r.busy || r.fixed) || drain && (!r.busy || r.fixed) {
			t.Errorf("%s was chosen wrongly", r.key)
		}
		if unload || drain || r.leaving {
			freed += r.bytes
		}
		if !r.fixed || r.leaving {
			could += r.bytes
		}
	}
	if free >= 0 && len(demands) == 0 && len(p.unload)+len(p.drain) > 0 {
		t.Error("something goes for nobody")
	}
	var started, waiting int64
	first := int64(-1)
	for _, d := range demands {
		switch {
		case slices.Contains(p.refuse, d.key):
			if d.bytes <= budget-d.pinned {
				t.Errorf("%s fits and is refused", d.key)
			}
		case slices.Contains(p.start, d.key):
			started += d.bytes
		default:
			waiting += d.bytes
			if first < 0 {
				first = d.bytes
			}
		}
	}
	if started > 0 && started > free {
		t.Errorf("%d started in %d", started, free)
	}
	// Room for all who wait is on its way, or all that can be freed is.
	if want := waiting + started - free; want > freed && freed < could {
		t.Errorf("%d more are wanted, %d will be freed, %d could be", want, freed, could)
	}
	if first >= 0 && first <= free-started && started == 0 && freed == 0 {
		t.Error("the first waits though there is room")
	}
}
