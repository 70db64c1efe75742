package ngram

import "github.com/kakeyad/kakeyad/core/plugin/drafter"

// longest is where matches are long enough: longer ones are not told apart.
const longest = 32

// match is a place where the last tokens of a text are found, and what is known of such places.
type match struct {
	at     int // index of the token that follows
	length int // tokens that match before it
	places int // with a match of at least half that length
	agree  int // of these, those that go on with the same token
}

// find looks for the end of a text further up. length 0: there is none.
func find(text []drafter.Token) match {
	n := len(text)
	var best match
	if n < 2 {
		return best
	}
	last := text[n-1]
	for i := n - 2; i >= 0; i-- {
		if text[i] != last {
			continue
		}
		if l := common(text[:i+1], text); l > best.length {
			best.at, best.length = i+1, l
		}
	}
	if best.length == 0 {
		return best
	}
	// Once more: how many places go on like the best.
	for i := n - 2; i >= 0; i-- {
		if text[i] == last && common(text[:i+1], text) >= (best.length+1)/2 {
			best.places++
			if text[i+1] == text[best.at] {
				best.agree++
			}
		}
	}
	return best
}

// common is how many last tokens two texts share, at most longest.
func common(a, b []drafter.Token) int {
	n := min(len(a), len(b), longest)
	for i := range n {
		if a[len(a)-1-i] != b[len(b)-1-i] {
			return i
		}
	}
	return n
}

// chance is how often a token is right after a match of a length.
func chance(length int) float32 {
	table := [...]float32{0, 0.1, 0.35, 0.5, 0.6, 0.68, 0.74, 0.79, 0.83, 0.86, 0.88, 0.9}
	switch {
	case length < len(table):
		return table[length]
	case length < 20:
		return 0.93
	}
	return 0.96
}

// follow is what comes after a match, and how sure that is. A proposal that comes to the end of from
// goes on with itself.
func (m match) follow(from []drafter.Token, n int) (tokens []drafter.Token, confidence []float32) {
	for i := range n {
		at := m.at + i
		var t drafter.Token
		if at < len(from) {
			t = from[at]
		} else {
			t = tokens[at-len(from)]
		}
		if t == separator {
			break
		}
		c := chance(m.length + i)
		if i == 0 {
			c *= (float32(m.agree) + 0.5) / (float32(m.places) + 0.5)
		}
		tokens, confidence = append(tokens, t), append(confidence, c)
	}
	return tokens, confidence
}
