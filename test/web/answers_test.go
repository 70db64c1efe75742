package web

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/test/browser"
)

// endless never comes to an end by itself within a test.
var endless = fake.ModelConfig{AnswerTokens: 1_000_000, TokensPerSecond: 50, TrainContext: 2_000_000}

func TestStopEndsTheGenerationInTheBackend(t *testing.T) {
	d := serve(t, endless, api.Options{})
	p := open(t, d)
	for _, stop := range []func(){func() { p.Click("#stop") }, func() { p.Press(kb.Escape) }} {
		ask(p, "tell me everything")
		p.Until("some words", `document.querySelector(".message.assistant:last-child .answer")?.innerText.length > 10`)
		assert.Empty(t, d.ended, "it goes on until it is stopped")
		stop()
		require.ErrorIs(t, <-d.ended, context.Canceled)
		p.Until("the page to say so", `document.querySelector(".message.assistant:last-child [data-figure=stopped]")`)
		assert.Contains(t, p.Text(".message.assistant:last-child .figures"), "≈", "figures of a stopped answer are the browser's own")
		assert.Equal(t, "message", focused(p), "one can go on writing")
	}
	fine(t, p)
}

func TestLeavingThePageEndsTheGeneration(t *testing.T) {
	d := serve(t, endless, api.Options{})
	p := open(t, d)
	ask(p, "tell me everything")
	p.Until("some words", `document.querySelector(".message.assistant .answer")?.innerText.length > 10`)
	p.Open("about:blank")
	require.ErrorIs(t, <-d.ended, context.Canceled)
	reopen(p, d)
	p.Click(".entry-title")
	assert.Contains(t, p.Text(".message.assistant .figures"), "Stopped", "what had come is kept")
}

func TestFiguresOfAnAnswer(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "forty-two", TokensPerSecond: 1000}, api.Options{})
	p := open(t, d)
	assert.Equal(t, "forty-two", answerTo(p, "what is the answer"))
	figures := p.Text(".figures")
	assert.Regexp(t, `[0-9.]+ tokens/s`, figures)
	assert.Regexp(t, `first token [0-9.]+ m?s`, figures)
	assert.Contains(t, figures, "10 tokens")
	assert.Regexp(t, `0 of \d+ prompt tokens cached`, figures)
	answerTo(p, "and again")
	assert.Regexp(t, `[1-9]\d* of \d+ prompt tokens cached`, p.Text(".message:last-child .figures"), "the second turn begins with the first")
	fine(t, p)
}

func TestEditAndRetryKeepAllVersions(t *testing.T) {
	d := serve(t, fake.ModelConfig{Echo: true}, api.Options{})
	p := open(t, d)
	assert.Contains(t, answerTo(p, "first words"), "first words")
	p.Click(".message.assistant [aria-label='Try another answer']")
	p.Until("a second answer", `document.querySelector(".message.assistant .versions")?.innerText.includes("2/2") && `+answered)

	p.Click(".message.user")
	p.Click(".message.user [aria-label='Edit message']")
	p.Press(kb.Home)
	p.Type("other ")
	p.Enter()
	p.Until("the edited message and its answer", `document.querySelector(".message.user .words").innerText === "other first words" && document.querySelector(".message.assistant .answer").innerText.includes("other first words") && `+answered)
	assert.Contains(t, p.Text(".message.user .versions"), "2/2")
	assert.False(t, browser.Eval[bool](p, `Boolean(document.querySelector(".message.assistant .versions"))`), "the new branch has one answer")

	p.Click(".message.user [aria-label='Previous version']")
	p.Until("the first branch", `document.querySelector(".message.user .words").innerText === "first words" && document.querySelector(".message.assistant .versions").innerText.includes("2/2")`)
	reopen(p, d)
	p.Click(".entry-title")
	assert.Equal(t, "first words", p.Text(".message.user .words"), "the branch that was shown is shown again")
	fine(t, p)
}

func TestSettingsReachTheRequest(t *testing.T) {
	d := serve(t, fake.ModelConfig{Echo: true}, api.Options{})
	p := open(t, d)
	p.Click("#open-settings")
	p.Click("#setting-system")
	p.Type("Speak like a pirate.")
	p.Click("#setting-max_tokens")
	p.Type("24")
	p.Click("#settings [aria-label=Close]")
	answerTo(p, "hello")
	assert.Contains(t, p.Text(".figures"), "Cut at the token limit")
	assert.Contains(t, p.Text(".figures"), "24 tokens")
	assert.Contains(t, p.Text(".message.assistant .answer"), "Speak like", "the fake says its prompt")
	fine(t, p)
}
