package web

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/test/browser"
)

const richAnswer = `A **palindrome** reads the same both ways. The check comes down to comparing the word with its *mirror image*:

` + "```python" + `
def is_palindrome(word: str) -> bool:
    """Tell whether a word reads the same both ways."""
    letters = [c.lower() for c in word if c.isalpha()]
    return letters == letters[::-1]

print(is_palindrome("Never odd or even"))  # True
` + "```" + `

Three things to note:

1. Only letters count, so ` + "`isalpha`" + ` drops spaces and signs.
2. ` + "`[::-1]`" + ` makes a reversed copy.
3. It takes time in proportion to the length of the word.

| word | result |
|---|---|
| level | true |
| needle | false |

> A deltoid is the curve in which a needle turns.

See [Kakeya sets](https://en.wikipedia.org/wiki/Kakeya_set) for more.
`

// TestLooks goes through the page in every look that it has, and keeps pictures where asked. What can be
// measured of a look is asserted: nothing is wider than the window, and text stands out.
func TestLooks(t *testing.T) {
	d := serveChannels(t,
		map[string]channel.Model{
			"smollm2-135m": routertest.Model(t, fake.ModelConfig{Answer: richAnswer, TokensPerSecond: 2000, PrefillPerSecond: 2000}),
			"glm-4-9b":     routertest.Model(t, fake.ModelConfig{}),
			"gone":         {Path: "/nowhere/gone.gguf", Missing: true},
		},
		map[string]channel.Spec{"smollm2-135m": {Aliases: []string{"default"}}, "glm-4-9b@e8-q4": {}, "gone": {}}, api.Options{})
	p := open(t, d)
	for _, text := range []string{"A haiku about the sea at night", "Plan a week in Lisbon"} {
		answerTo(p, text)
		p.Click("#new-chat")
	}
	for _, phone := range []bool{false, true} {
		for _, theme := range []string{"light", "dark"} {
			if phone {
				p.Phone()
			} else {
				p.Size(1280, 860)
			}
			p.Prefer(theme)
			look := func(name string) {
				t.Helper()
				p.Screenshot(fmt.Sprintf("%s-%s-%s", name, theme, map[bool]string{true: "phone", false: "wide"}[phone]))
				assert.True(t, fits(p), "%s, %s, phone %v", name, theme, phone)
			}
			look("welcome")
			answerTo(p, "How do I check for a palindrome in Python?")
			look("answer")
			browser.Eval[float64](p, `document.getElementById("scroller").scrollTop = 0`)
			look("answer-top")
			p.Click("#channel-button")
			p.Until("details", `document.querySelector(".channel-details dl")`)
			look("channels")
			p.Click("#channels [aria-label=Close]")
			p.Click("#open-settings")
			look("settings")
			p.Click("#settings [aria-label=Close]")
			if phone {
				p.Click("#show-sidebar")
				p.Until("drawer", `document.getElementById("sidebar").getBoundingClientRect().left === 0`)
				look("drawer")
			}
			p.Click("#new-chat")
		}
	}
	fine(t, p)
}
