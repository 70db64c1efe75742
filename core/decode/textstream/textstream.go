// Package textstream turns the bytes of drawn tokens into text that can be sent: whole UTF-8
// characters, and nothing that is, or may still become, part of a stop string.
//
// Tokens cut text anywhere. A [Stream] holds back the beginning of a character until the rest of
// it has come, and the longest suffix of the text that is the beginning of a stop string until
// it is known not to be one. What comes out does not depend on where the bytes were cut.
//
// The first stop string to be complete ends the stream. Of several that are complete with the
// same byte, the longest counts. The stop string and what follows it are dropped.
//
// A byte that is part of no valid encoding becomes U+FFFD, one for each byte, as in a Go range
// loop over a string.
package textstream

// Stream is the text of one answer. It is not safe for concurrent use.
type Stream struct {
	decoder decoder
	stops   []matcher
	held    []byte // decoded text that is a prefix of a stop string: whole characters
	stop    string // that ended the stream
	ended   bool
}

// New returns a Stream that ends at any of the given stop strings. Empty ones are ignored.
func New(stops []string) *Stream {
	s := &Stream{}
	for _, stop := range stops {
		if stop != "" {
			s.stops = append(s.stops, newMatcher(stop))
		}
	}
	return s
}

// Push adds the bytes of a token and returns the text that can now be sent. stopped says that
// the stream has ended at the stop string stop: by this piece, and then text is what was left
// before it, or by an earlier one. After Flush, pieces are dropped.
func (s *Stream) Push(piece []byte) (text, stop string, stopped bool) {
	if s.ended {
		return "", s.stop, s.stop != ""
	}
	known := len(s.held)
	s.held = s.decoder.append(s.held, piece)
	hold := s.scan(known)
	text = string(s.held[:len(s.held)-hold])
	s.held = append(s.held[:0], s.held[len(s.held)-hold:]...)
	return text, s.stop, s.stop != ""
}

// Flush ends the stream and returns the text that was held back. A character that is not
// complete becomes U+FFFD, one for each of its bytes.
func (s *Stream) Flush() string {
	if s.ended {
		return ""
	}
	known := len(s.held)
	s.held = s.decoder.flush(s.held)
	s.scan(known)
	text := string(s.held)
	s.held, s.ended = nil, true
	return text
}

// scan looks for stop strings in held[from:], where all before it was scanned already, and
// returns how many bytes at its end must be held back. A stop string cuts held and ends the
// stream.
func (s *Stream) scan(from int) (hold int) {
	if len(s.stops) == 0 {
		return 0
	}
	for i := from; i < len(s.held); i++ {
		hold = 0
		for j := range s.stops {
			m := &s.stops[j]
			if m.step(s.held[i]) && len(m.stop) > len(s.stop) {
				s.stop = m.stop
			}
			hold = max(hold, m.matched)
		}
		if s.stop != "" {
			s.held, s.ended = s.held[:i+1-len(s.stop)], true
			return 0
		}
	}
	if from == len(s.held) {
		return from // nothing new: what was held still is
	}
	return hold
}
