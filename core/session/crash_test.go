package session

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	crashKills = 40
	crashPage  = 20_000 // about the bytes of a page
)

// crashOptions of the two stores that the child fills: one that keeps all, one that evicts.
func crashOptions(dir string) []Options {
	return []Options{
		{Dir: dir + "/all", RAMBytes: 1 << 20, Logger: quiet},
		{Dir: dir + "/few", RAMBytes: 1 << 20, DiskBytes: 2 << 20, Logger: quiet},
	}
}

func crashPrompt(a, b, c int32) []int32 { return prompt(5, a, b, c) }

// crash is the child: it parks prompts until it is killed, and says which of them are on disk.
func crash(dir string) {
	must := func(err error) {
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
	}
	var stores []*Store
	for _, o := range crashOptions(dir) {
		s, err := Open(o)
		must(err)
		stores = append(stores, s)
	}
	for {
		a, b, c := rand.Int32N(3), rand.Int32N(10), rand.Int32N(100)
		for _, s := range stores {
			for _, p := range pagesOf(all, crashPrompt(a, b, c), crashPage) {
				must(s.Put(ctx, p))
			}
			for _, p := range pagesOf(alice, crashPrompt(a, b, c), crashPage) {
				must(s.Put(ctx, p))
			}
			p, err := s.Lookup(ctx, all, crashPrompt(rand.Int32N(3), rand.Int32N(10), 0))
			must(err)
			p.Release()
		}
		fmt.Println("put")
		switch rand.IntN(4) {
		case 0:
			must(stores[0].Flush(ctx))
			fmt.Println("durable", a, b, c)
		case 1:
			_, err := stores[0].Drop(ctx, func(id Identity) bool { return id == alice })
			must(err)
			fmt.Println("dropped")
		}
	}
}

// TestKilled kills a process that writes, many times, always on the same directory. What it said
// was on disk must be there, and nothing else than what was put.
func TestKilled(t *testing.T) {
	kills := crashKills
	if testing.Short() {
		kills = 3
	}
	dir := t.TempDir()
	durable := make(map[[3]int32]bool)
	for range kills {
		killOnce(t, dir, durable)
		for i, o := range crashOptions(dir) {
			s := openStore(t, o)
			if i == 0 {
				for p := range durable {
					require.Equal(t, 5, s.Has(all, crashPrompt(p[0], p[1], p[2])), "prompt %v", p)
				}
			}
			for range 20 {
				tokens := crashPrompt(rand.Int32N(3), rand.Int32N(10), rand.Int32N(100))
				restored(t, s, all, tokens, crashPage)
				restored(t, s, alice, tokens, crashPage)
			}
			checkStore(t, s)
			require.Zero(t, s.Stats().Counts.Damaged)
			require.NoError(t, s.Close())
		}
	}
	s := openStore(t, crashOptions(dir)[0])
	for p := range durable {
		require.Equal(t, 5, restored(t, s, all, crashPrompt(p[0], p[1], p[2]), crashPage))
	}
	require.NotEmpty(t, durable)
}

// killOnce starts the child and kills it after some of its lines, wherever it is then.
func killOnce(t *testing.T, dir string, durable map[[3]int32]bool) {
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), envCrash+"="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	for left := rand.IntN(12); lines.Scan(); left-- {
		var p [3]int32
		if _, err := fmt.Sscanf(lines.Text(), "durable %d %d %d", &p[0], &p[1], &p[2]); err == nil {
			durable[p] = true
		}
		require.False(t, strings.HasPrefix(lines.Text(), "failed"), lines.Text())
		if left == 0 {
			require.NoError(t, child.Process.Kill())
		}
	}
	require.Error(t, child.Wait(), "it was killed")
}
