package textstream

// matcher finds one stop string in a stream of bytes, after Knuth, Morris and Pratt: matched is
// always the length of the longest suffix of the stream that is a prefix of the stop string.
type matcher struct {
	stop    string
	border  []int // border[n]: length of the longest proper prefix of stop[:n] that is its suffix too
	matched int
}

func newMatcher(stop string) matcher {
	border := make([]int, len(stop)+1)
	border[0] = -1
	for n, b := 0, -1; n < len(stop); n++ {
		for b >= 0 && stop[b] != stop[n] {
			b = border[b]
		}
		b++
		border[n+1] = b
	}
	return matcher{stop: stop, border: border}
}

// step takes the next byte and says whether the stop string is complete with it. It is not
// called again after that.
func (m *matcher) step(c byte) bool {
	for m.matched >= 0 && m.stop[m.matched] != c {
		m.matched = m.border[m.matched]
	}
	m.matched++
	return m.matched == len(m.stop)
}
