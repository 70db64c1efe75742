package channel

import "strconv"

// Unset is the boundary of a codec part that does not say one.
const Unset = -1

// ID is a parsed channel id. It is comparable: equal ids print alike.
type ID struct {
	Short   string
	Backend string  // "" when not said
	Codec   CodecID // zero when not said
	Drafter string  // "" when not said
}

// CodecID is the codec part of an id.
type CodecID struct {
	Name     string // "" means no codec part
	Q        int
	Boundary int // Unset when not said
}

// IsZero says that an id has no codec part.
func (c CodecID) IsZero() bool { return c.Name == "" }

// String prints the codec part without its "@".
func (c CodecID) String() string {
	if c.IsZero() {
		return ""
	}
	s := c.Name + "-q" + strconv.Itoa(c.Q)
	if c.Boundary != Unset {
		s += "-b" + strconv.Itoa(c.Boundary)
	}
	return s
}

// String prints the id. For an id that Parse returned it is the text that was parsed.
func (id ID) String() string {
	s := id.Short
	if id.Backend != "" {
		s += ":" + id.Backend
	}
	if !id.Codec.IsZero() {
		s += "@" + id.Codec.String()
	}
	if id.Drafter != "" {
		s += "+" + id.Drafter
	}
	return s
}
