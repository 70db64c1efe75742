package experiment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/kakeyad/kakeyad/core/channel"
)

// Definition says what is compared. Results are kept as long as the name and Digest stay: a split may
// change under way, since each unit is counted with the one that it was drawn by.
type Definition struct {
	Name   string
	A, B   string // names of channels
	Split  float64
	Sticky channel.Sticky
	Shadow bool
	Tokens bool   // both have the same tokens, since they are of the same model file
	Digest string // of what the two channels are made of, and how they are compared
}

// Of returns the definition of a channel that is two; ok is false for one that is not.
func Of(c *channel.Channel) (d Definition, ok bool) {
	if c.AB == nil {
		return d, false
	}
	ab := c.AB
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %v", ab.Sticky, ab.Shadow)
	for _, arm := range []*channel.Channel{ab.A, ab.B} {
		fmt.Fprintf(sum, "%q %q %+v %+v %q %q", arm.Name, arm.LoadKey(), arm.Sampling, arm.Limits, arm.SystemPrompt, arm.ChatTemplate)
	}
	return Definition{
		Name: c.Name, A: ab.A.Name, B: ab.B.Name, Split: ab.Split, Sticky: ab.Sticky, Shadow: ab.Shadow,
		Tokens: ab.A.Model.Path == ab.B.Model.Path,
		Digest: hex.EncodeToString(sum.Sum(nil)[:8]),
	}, true
}

// Definitions are those of a set, by name.
func Definitions(set *channel.Set) []Definition {
	var all []Definition
	for _, c := range set.All() {
		if d, ok := Of(c); ok {
			all = append(all, d)
		}
	}
	return all
}
