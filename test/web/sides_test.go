package web

import (
	"context"
	"errors"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/test/browser"
)

// pairOf serves two channels, a and b.
func pairOf(t *testing.T, a, b fake.ModelConfig) *daemon {
	t.Helper()
	return serveChannels(t,
		map[string]channel.Model{"a": routertest.Model(t, a), "b": routertest.Model(t, b)},
		map[string]channel.Spec{"a": {}, "b": {}, "both": {AB: &channel.ABSpec{A: "a", B: "b", Sticky: channel.StickyRequest}}}, api.Options{})
}

// openSides opens the view by its button.
func openSides(p *browser.Page) {
	p.Click("#open-sides")
	p.Until("the view", `document.activeElement?.id === "sides-prompt"`)
}

// choose picks a channel of a side.
func choose(p *browser.Page, side, name string) {
	browser.Eval[bool](p, `(() => { const s = document.querySelector("#sides-`+side+`"); s.value = "`+name+`"; s.dispatchEvent(new Event("change")); return true; })()`)
}

// compared is true when both sides have come to an end.
const compared = `document.querySelector("#sides-stop").hidden && document.querySelectorAll("#sides .side .foot :is(.figures, .trouble)").length === 2`

func TestSideBySideMarksWhereAnswersPart(t *testing.T) {
	p := open(t, pairOf(t, fake.ModelConfig{Answer: "The sky is 🟦 blue today"}, fake.ModelConfig{Answer: "The sky is 🟩 green"}))
	openSides(p)
	choose(p, "a", "a")
	choose(p, "b", "b")
	p.Type("what colour is the sky?")
	p.Enter()
	p.Until("both answers", compared)
	assert.Equal(t, "The texts part after 11 characters.", p.Text("#sides-summary"))
	marked := func(side string) string {
		return browser.Eval[string](p, `document.querySelector("#sides-`+side+`-text mark")?.lastChild.data ?? ""`)
	}
	assert.Equal(t, "🟦 blue today", marked("a"), "whole characters")
	assert.Equal(t, "🟩 green", marked("b"))
	assert.Contains(t, browser.Eval[string](p, `document.querySelector("#sides-b-text mark").textContent`), "From here on it differs", "told to screen readers, who see no colour")
	assert.Equal(t, "The texts part after 11 characters.", browser.Eval[string](p, `document.getElementById("status").textContent`))
	for _, side := range []string{"a", "b"} {
		foot := p.Text(`.side:has(#sides-` + side + `) .foot`)
		assert.Regexp(t, `[0-9.]+ tokens/s`, foot)
		assert.Regexp(t, `first token [0-9.]+ m?s`, foot)
	}

	choose(p, "b", "a")
	p.Click("#sides-turns") // one after the other
	p.Click("#sides-send")
	p.Until("both answers", compared+` && document.querySelector("#sides-summary").innerText.includes("the same")`)
	assert.Equal(t, "The texts are the same.", p.Text("#sides-summary"))
	assert.False(t, browser.Eval[bool](p, `Boolean(document.querySelector("#sides mark"))`))

	p.Press(kb.Escape)
	p.Until("the view to close", jsCount("dialog", 0))
	openSides(p)
	assert.Equal(t, "a", browser.Eval[string](p, `document.querySelector("#sides-b").value`), "the choice is kept")
	fine(t, p)
}

// What only one side has said so far is no difference.
func TestSideBySideWhileOneIsAhead(t *testing.T) {
	d := pairOf(t, fake.ModelConfig{Answer: "one two three"}, fake.ModelConfig{Hang: "generate", AfterTokens: 3, Answer: "one two three"})
	p := open(t, d)
	openSides(p)
	choose(p, "a", "a")
	choose(p, "b", "b")
	p.Type("count")
	p.Enter()
	p.Until("a to be whole and b to have begun", `document.querySelector(".side .figures") && document.querySelector("#sides-b-text").innerText.length > 0`)
	assert.Equal(t, "The same so far.", p.Text("#sides-summary"))
	assert.False(t, browser.Eval[bool](p, `Boolean(document.querySelector("#sides mark"))`))
	require.NoError(t, <-d.ended)
	p.Click("#sides-stop")
	require.ErrorIs(t, <-d.ended, context.Canceled, "stopping ends the generation in the backend")
	p.Until("both to have ended", compared)
	assert.Contains(t, p.Text("#sides-summary"), "Stopped.")
	assert.Equal(t, "sides-prompt", browser.Eval[string](p, "document.activeElement.id"), "one can go on writing")

	p.Enter()
	p.Until("b to have begun again", `document.querySelector("#sides-b-text").innerText.length > 0 && !document.querySelector("#sides-stop").hidden`)
	p.Press(kb.Escape) // closing the view stops too
	assert.ErrorIs(t, errors.Join(<-d.ended, <-d.ended), context.Canceled)
	fine(t, p)
}

func TestSideBySideByKeyboardAndForEveryone(t *testing.T) {
	p := open(t, pairOf(t, fake.ModelConfig{Answer: "I am a"}, fake.ModelConfig{Answer: "I am b"}))
	p.Press(kb.Tab) // away from the field, where | is a character
	p.Press("|")
	p.Until("the view", `document.activeElement?.id === "sides-prompt"`)
	p.Type("who are you?")
	p.Enter()
	p.Until("both answers", compared)
	var order []string
	for range 8 {
		order = append(order, browser.Eval[string](p, `document.activeElement.id`))
		p.Press(kb.Tab)
	}
	assert.Equal(t, []string{"sides-prompt", "sides-greedy", "sides-turns", "sides-send", "sides-a", "sides-a-text", "sides-b", "sides-b-text"}, order)
	for _, scheme := range []string{"light", "dark"} {
		p.Prefer(scheme)
		assert.Empty(t, browser.Eval[[]string](p, nameless), scheme)
		assert.Empty(t, browser.Eval[[]string](p, faint), scheme)
		p.Screenshot("sides-" + scheme)
	}
	p.Press(kb.Escape)
	p.Until("the view to close", jsCount("dialog", 0))
	fine(t, p)
}

func TestSideBySideOnAPhone(t *testing.T) {
	d := pairOf(t, fake.ModelConfig{Answer: "I am a, and I am rather long, so that lines have to break"}, fake.ModelConfig{Fail: "no"})
	p := browser.New(t)
	p.Phone()
	reopen(p, d)
	p.Click("#show-sidebar")
	p.Until("the drawer", `document.getElementById("sidebar").getBoundingClientRect().left === 0`)
	openSides(p)
	choose(p, "a", "a")
	choose(p, "b", "b")
	p.Type("who are you?")
	p.Click("#sides-send")
	p.Until("both", compared)
	assert.True(t, fits(p))
	assert.True(t, browser.Eval[bool](p, `(() => { const [a, b] = [...document.querySelectorAll(".side")].map((e) => e.getBoundingClientRect()); return b.top >= a.bottom; })()`), "one above the other")
	assert.Contains(t, p.Text(".side:last-child .trouble"), "no")
	assert.Equal(t, "One of the two did not answer.", p.Text("#sides-summary"))
	p.Screenshot("sides-phone")
	fine(t, p, "500")
}

// An answer of a channel that is two says which of them it was.
func TestWhichOfTwoAnswered(t *testing.T) {
	p := open(t, pairOf(t, fake.ModelConfig{Answer: "I am a"}, fake.ModelConfig{Answer: "I am b"}))
	p.Click("#channel-button")
	p.Until("the channels", `document.querySelector("input[value=both]")`)
	p.Click(".channel-card:has(input[value=both]) .channel-title")
	p.Until("the dialog to close", jsCount("dialog", 0))
	said := answerTo(p, "who are you?")
	assert.Regexp(t, "^I am (a|b)$", said)
	assert.Contains(t, p.Text(".figures"), "by "+said[len(said)-1:])
	p.Click("#channel-button")
	p.Until("its details", `document.querySelector(".channel-card:has(input[value=both]) dl")`)
	assert.Contains(t, p.Text(".channel-card:has(input[value=both]) dl"), "a, and b for 50 %")
	p.Click("#channels [aria-label=Close]")
	openSides(p)
	assert.Equal(t, "a b", browser.Eval[string](p, `document.querySelector("#sides-a").value + " " + document.querySelector("#sides-b").value`), "the two that it is")
	fine(t, p)
}
