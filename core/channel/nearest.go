package channel

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns at most three of the candidates that someone who wrote name may have meant,
// nearest first: those within an edit distance of a third of the name's length, case ignored,
// and those that name begins or that begin with it.
func Nearest(name string, candidates []string) []string {
	type near struct {
		name     string
		distance int
	}
	lower := strings.ToLower(name)
	var found []near
	for _, c := range candidates {
		lc := strings.ToLower(c)
		d := distance(lower, lc)
		prefix := len(lower) >= 3 && len(lc) >= 3 && (strings.HasPrefix(lc, lower) || strings.HasPrefix(lower, lc))
		if prefix || d <= max(1, len(lower)/3) {
			found = append(found, near{c, d})
		}
	}
	slices.SortFunc(found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	names := make([]string, 0, 3)
	for _, f := range found[:min(3, len(found))] {
		names = append(names, f.name)
	}
	return slices.Compact(names)
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that turn a
// into b. Bytes beyond the 64th are not looked at: names are short, and callers may be hostile.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	before := make([]int, len(b)+1) // row i-2
	above := make([]int, len(b)+1)  // row i-1
	row := make([]int, len(b)+1)
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
