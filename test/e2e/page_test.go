package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kakeyad/kakeyad/test/browser"
)

// TestChatPage holds a conversation with a real model on the page that the daemon serves.
func TestChatPage(t *testing.T) {
	d := start(t, oneModel)
	p := browser.New(t)
	p.Prefer("light")
	p.Open(d.url + "/")
	p.Until("the page", `document.body?.classList.contains("ready")`)
	p.Click("#open-settings")
	p.Click("#setting-temperature")
	p.Type("0")
	p.Click("#settings [aria-label=Close]")

	whole := `document.querySelector(".message.assistant:last-child [data-figure=cached]")`
	p.Click("#message")
	p.Type("What is the capital of France?")
	p.Enter()
	p.Until("the answer", whole)
	assert.Contains(t, p.Text(".message.assistant .answer"), "Paris")
	figures := p.Text(".message.assistant .figures")
	assert.Regexp(t, `[0-9.]+ tokens/s`, figures)
	assert.Regexp(t, `first token [0-9.]+ m?s`, figures)

	p.Type("And of Italy? Answer in one sentence.")
	p.Enter()
	p.Until("the second turn", `document.querySelectorAll(".message").length === 4 && `+whole)
	assert.Regexp(t, `[1-9]\d* of \d+ prompt tokens cached`, p.Text(".message:last-child .figures"), "the first turn is not computed again")

	p.Screenshot("chat-light")
	p.Prefer("dark")
	p.Screenshot("chat-dark")
	p.Phone()
	p.Screenshot("chat-phone")
	p.Size(1280, 860)

	p.Type("Write a very long story about a needle.")
	p.Enter()
	p.Until("the story to begin", `document.querySelector(".message:last-child .answer")?.innerText.length > 20`)
	p.Click("#stop")
	p.Until("it to stop", `document.querySelector(".message:last-child [data-figure=stopped]")`)
	d.eventually("the generation to end in the daemon", func() bool {
		var stats struct {
			Models []struct{ Active int }
		}
		d.get("/v1/kakeya/stats", &stats)
		return len(stats.Models) == 1 && stats.Models[0].Active == 0
	})
	assert.Empty(t, p.Problems())
}
