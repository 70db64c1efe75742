package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// A token waits only for one that is expected in time.
func TestDeliver(t *testing.T) {
	const apart, ms = 25 * time.Millisecond, time.Millisecond
	type put struct{ at, soon int } // milliseconds
	for name, tc := range map[string]struct {
		apart time.Duration
		puts  []put
		told  []int
	}{
		"each at once":                   {0, []put{{1, 1}, {2, 1}, {3, 1}}, []int{1, 2, 3}},
		"quick steps":                    {apart, []put{{5, 5}, {10, 5}, {15, 5}, {20, 5}, {25, 5}, {30, 5}, {35, 5}}, []int{5, 25}},
		"the next would come too late":   {apart, []put{{5, 10}, {15, 10}, {25, 10}, {35, 10}}, []int{5, 25}},
		"slow steps":                     {apart, []put{{20, 20}, {40, 20}, {60, 20}}, []int{20, 40, 60}},
		"a long step follows":            {apart, []put{{5, 5}, {10, int(forever / ms)}}, []int{5, 10}},
		"a long step ends a run of such": {apart, []put{{5, 5}, {10, 5}, {300, 290}}, []int{5, 300}},
	} {
		t.Run(name, func(t *testing.T) {
			o, start := newOutbox(), time.Now()
			var told []int
			for _, p := range tc.puts {
				o.put(piece{drawn: true, text: "a"})
				o.deliver(start.Add(time.Duration(p.at)*ms), time.Duration(p.soon)*ms, tc.apart)
				select {
				case <-o.ready:
					_, ok := o.fetch()
					require.True(t, ok)
					told = append(told, p.at)
				default:
				}
			}
			require.Equal(t, tc.told, told)
		})
	}
}

// The news of a prompt, which may not have been fetched when its first token comes, makes that wait for
// nothing.
func TestFirstTokenIsDeliveredAtOnce(t *testing.T) {
	const apart, ms = 25 * time.Millisecond, time.Millisecond
	o, start := newOutbox(), time.Now()
	o.put(piece{prompt: &backend.PromptInfo{Tokens: 3}})
	o.tell()
	o.deliver(start, forever, apart) // a step begins that reads the prompt
	<-o.ready
	_, ok := o.fetch()
	require.True(t, ok)
	o.put(piece{drawn: true, text: "a"})
	o.deliver(start.Add(5*ms), 5*ms, apart)
	require.Len(t, o.ready, 1)
}

func TestDeliverHasNothing(t *testing.T) {
	o := newOutbox()
	o.deliver(time.Now(), forever, 0)
	require.Empty(t, o.ready)
	o = nil
	o.deliver(time.Now(), forever, 0)
}
