package harness

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// words is the running text that prompts are cut from; about one token a word.
var words = strings.Fields(`the river runs down from the hills past the old mill and under the stone bridge
where boys fish for trout in summer while the town above goes about its work selling bread and cloth and iron to
farmers who come by cart on market days and leave before dark because the road through the wood is long`)

// Prompt returns a text of about n tokens. Prompts of different seeds differ from their first word on,
// so that no server can answer one from the cache of another.
func Prompt(n, seed int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", seed)
	for i := range n {
		b.WriteByte(' ')
		b.WriteString(words[(i*7+seed*13)%len(words)])
	}
	return b.String()
}

// Aggregate runs n streams at once and returns the tokens generated in a second by all together,
// counted from the first token of the first stream to the last token of the last.
func (c *Client) Aggregate(ctx context.Context, n int, request func(i int) Request) (float64, error) {
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		tokens   int
		earliest time.Time
		latest   time.Time
		failed   error
	)
	for i := range n {
		wg.Go(func() {
			begin := time.Now()
			r, err := c.Stream(ctx, request(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			tokens += r.Tokens - 1
			first := begin.Add(r.FirstToken)
			if earliest.IsZero() || first.Before(earliest) {
				earliest = first
			}
			if end := first.Add(r.Generation); end.After(latest) {
				latest = end
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return 0, failed
	}
	return float64(tokens) / latest.Sub(earliest).Seconds(), nil
}
