package channel

import (
	"fmt"
	"slices"
	"strings"
)

// Profile is what is known of a model family. Profiles are shared: do not write to one.
type Profile struct {
	Name          string   // as its makers write it, such as "Qwen3-4B"
	Short         string   // the short name of its channels
	Architectures []string // values of general.architecture in its GGUF files
	HeadDim       int      // elements of one K or V vector
	Layers        int      // 0: not surely known

	Backends []string // of ours that are known to run it, the default first; empty: none yet
	Default  CodecID  // what is worth trying first with a codec
	Q        []int    // ranges worth offering with e8, mildest first
	Boundary Boundary
	LossAtQ4 string // what is known to be lost at q4, "" when only the general warning applies

	files []string // how its files may be named beside Short
}

// Boundary is a profile's rule for the layers that a codec leaves alone.
type Boundary struct {
	Default  int    // when the channel does not say
	Least    int    // smaller ones are refused
	Explicit bool   // the channel must say it
	Reason   string // why, when Least or Default is above 0
}

// Advanced says whether a range is offered only to those who know: it comes with a warning.
func Advanced(q int) bool { return q <= 4 }

// Profiles returns the registry, in the order of its documentation.
func Profiles() []*Profile { return slices.Clone(registry) }

// ProfileOf returns the profile of a short name, or nil.
func ProfileOf(short string) *Profile {
	for _, p := range registry {
		if p.Short == short {
			return p
		}
	}
	return nil
}

// ProfileOfFile returns the profile that a model's file name speaks of, or nil. Case, separators
// and what comes before and after are ignored; the most specific profile wins.
func ProfileOfFile(name string) *Profile {
	var best *Profile
	most := 0
	words := fileWords(name)
	for _, p := range registry {
		for _, f := range append([]string{p.Short}, p.files...) {
			if len(f) > most && strings.Contains(words, fileWords(f)) {
				best, most = p, len(f)
			}
		}
	}
	return best
}

// fileWords makes names comparable: lower case, one dash between and around words, dots kept
// inside numbers.
func fileWords(name string) string {
	var b strings.Builder
	b.WriteByte('-')
	for i, r := range strings.ToLower(name) {
		inNumber := r == '.' && i > 0 && i+1 < len(name) && isDigit(name[i-1]) && isDigit(name[i+1])
		switch {
		case r < 0x80 && isLetterOrDigit(byte(r)), inNumber:
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	b.WriteByte('-')
	return b.String()
}

// check applies the profile's rules to a codec that a channel asks for. It fills in the boundary
// and returns warnings, or the field at fault ("q" or "boundary") and the reason for refusing.
func (p *Profile) check(c *CodecSpec) (warnings []string, field string, err error) {
	said := c.Boundary != Unset
	if !said && !p.Boundary.Explicit {
		c.Boundary = p.Boundary.Default
	}
	if c.Boundary < p.Boundary.Least {
		got := fmt.Sprintf("boundary %d", c.Boundary)
		if !said {
			got = "no boundary"
		}
		return nil, "boundary", fmt.Errorf("%w: %s with a codec needs a boundary of at least %d (-b%d), got %s: %s",
			ErrRefused, p.Name, p.Boundary.Least, p.Boundary.Least, got, p.Boundary.Reason)
	}
	if p.Layers > 0 && 2*c.Boundary >= p.Layers {
		return nil, "boundary", fmt.Errorf("%w: boundary %d leaves no layer of %s to the codec: it has %d, and the boundary counts from both ends",
			ErrRefused, c.Boundary, p.Name, p.Layers)
	}
	if c.Boundary < p.Boundary.Default {
		warnings = append(warnings, fmt.Sprintf("%s: boundary %d is below the %d of its profile: %s", p.Name, c.Boundary, p.Boundary.Default, p.Boundary.Reason))
	}
	switch {
	case Advanced(c.Q) && p.LossAtQ4 != "":
		warnings = append(warnings, fmt.Sprintf("%s: q%d is for advanced use: %s", p.Name, c.Q, p.LossAtQ4))
	case Advanced(c.Q):
		warnings = append(warnings, fmt.Sprintf("%s: q%d is for advanced use: %s", p.Name, c.Q, warnCoarse))
	case c.Name == p.Default.Name && !slices.Contains(p.Q, c.Q):
		warnings = append(warnings, fmt.Sprintf("%s: q%d has not been measured; %s have", p.Name, c.Q, listQ(p.Q)))
	}
	return warnings, "", nil
}

// warnCoarse is the warning of q4 where nothing more exact is known.
const warnCoarse = "so coarse a cache changes answers; compare with q38 before relying on it"

func listQ(qs []int) string {
	parts := make([]string, len(qs))
	for i, q := range qs {
		parts[i] = fmt.Sprintf("q%d", q)
	}
	return strings.Join(parts, " and ")
}
