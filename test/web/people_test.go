package web

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/test/browser"
)

func twoChannels(t *testing.T) *daemon {
	t.Helper()
	return serveChannels(t,
		map[string]channel.Model{"a": routertest.Model(t, fake.ModelConfig{Answer: "I am a"}), "b": routertest.Model(t, fake.ModelConfig{Answer: "I am b"})},
		map[string]channel.Spec{"a": {}, "b": {Aliases: []string{"other"}}}, api.Options{})
}

func TestEverythingByKeyboard(t *testing.T) {
	p := open(t, twoChannels(t))
	control, shift := chromedp.ModifierCtrl, chromedp.ModifierShift
	assert.Equal(t, "message", focused(p), "one can write at once")
	p.Type("one")
	p.Press(kb.Enter, shift)
	p.Type("two")
	p.Enter()
	p.Until("the answer", answered)
	assert.Equal(t, "one\ntwo", p.Text(".message.user .words"))
	assert.Equal(t, "message", focused(p))

	p.Press(kb.ArrowUp)
	p.Until("the last message to be edited", `document.activeElement.classList.contains("edit-field")`)
	p.Press(kb.Escape)
	assert.Equal(t, "Edit message", focused(p), "focus goes back to where it came from")

	p.Press("l", control, shift)
	p.Until("the channels", `document.activeElement.name === "channel"`)
	p.Press(kb.ArrowDown)
	p.Until("the other channel's details", `document.querySelector(".channel-card:has(input[value=b]) dl")`)
	assert.Contains(t, p.Text(".channel-card:has(input[value=b])"), "also other")
	p.Enter()
	p.Until("the dialog to close", jsCount("dialog", 0))
	assert.Equal(t, "b", p.Text("#channel-name"))

	p.Press("o", control, shift)
	p.Until("a new conversation", `!document.getElementById("welcome").hidden`)
	p.Type("who are you?")
	p.Enter()
	p.Until("b's answer", `document.querySelector(".message.assistant .answer")?.innerText === "I am b"`)

	p.Press(kb.Tab, shift) // away from the field, where ? is a character
	p.Press("?")
	p.Until("the list of keys", `document.querySelector("#keys[open]")`)
	p.Press(kb.Escape)
	p.Until("it to close", jsCount("dialog", 0))
	p.Press("/")
	assert.Equal(t, "message", focused(p))
	p.Press(",", control)
	p.Until("the settings", `document.querySelector("#settings[open]")`)
	p.Press(kb.Escape)
	fine(t, p)
}

func TestOnAPhone(t *testing.T) {
	d := twoChannels(t)
	p := browser.New(t)
	p.Phone()
	reopen(p, d)
	assert.True(t, browser.Eval[bool](p, `document.getElementById("sidebar").inert`), "the conversations are put away")
	p.Click("#message")
	p.Type("one")
	p.Enter()
	p.Type("two")
	assert.True(t, browser.Eval[bool](p, jsCount(".message", 0)), "Enter is a new line: a phone's keyboard has no Shift Enter")
	p.Click("#send")
	p.Until("the answer", answered)
	assert.True(t, fits(p))

	p.Click("#show-sidebar")
	p.Until("the drawer", `document.getElementById("sidebar").getBoundingClientRect().left === 0 && document.getElementById("main").inert`)
	p.Do(chromedp.TapXY(380, 400))
	p.Until("it to close", `!document.getElementById("main").inert`)
	small := browser.Eval[[]string](p, `[...document.querySelectorAll("button, a")].filter((e) => e.checkVisibility() && !e.closest("[inert]") && !e.classList.contains("skip"))
		.filter((e) => { const r = e.getBoundingClientRect(); return r.width < 24 || r.height < 24; }).map((e) => e.outerHTML.slice(0, 80))`)
	assert.Empty(t, small, "all can be met by a finger (WCAG 2.2, 24 pixels)")
	fine(t, p)
}

// nameless are the controls without a name for a screen reader.
const nameless = `[...document.querySelectorAll("button, input, textarea, dialog, [role=menu], [role=radiogroup], nav, aside, section")].filter((e) => e.checkVisibility())
	.filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.innerText?.trim() || document.getElementById(e.getAttribute("aria-labelledby") ?? "")?.innerText)).map((e) => e.outerHTML.slice(0, 100))`

// faint are the texts whose contrast with what is behind them is below WCAG AA's 4.5.
const faint = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
	const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return { c: [r, g, b], a: a / 255 }; };
	const behind = (e) => { for (; e; e = e.parentElement) { const { c, a } = rgba(getComputedStyle(e).backgroundColor); if (a === 1) return c; } return [255, 255, 255]; };
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const out = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(":disabled, .sr, .skip, noscript, [inert], .missing") || getComputedStyle(e.closest(".buttons") ?? e).opacity === "0") continue;
		const [a, b] = [light(rgba(getComputedStyle(e).color).c), light(behind(e))].sort((x, y) => y - x);
		const contrast = (a + 0.05) / (b + 0.05);
		if (contrast < 4.5) out.add(contrast.toFixed(2) + " " + e.className + " " + texts.currentNode.data.trim().slice(0, 30));
	}
	return [...out];
})()`

func TestForEveryone(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: richAnswer}, api.Options{})
	p := open(t, d)
	answerTo(p, "hello")
	for _, scheme := range []string{"light", "dark"} {
		p.Prefer(scheme)
		for _, opened := range []string{"", "#channel-button", "#open-settings", "#open-keys", "#open-data"} {
			if opened != "" {
				p.Click(opened)
				p.Until("the dialog", `document.querySelector("dialog[open]")?.contains(document.activeElement)`)
			}
			where := fmt.Sprintf("%s %s", scheme, opened)
			assert.Empty(t, browser.Eval[[]string](p, nameless), where)
			assert.Empty(t, browser.Eval[[]string](p, faint), where)
			if opened != "" {
				p.Press(kb.Escape)
				p.Until("the dialog to close", jsCount("dialog", 0))
				assert.Equal(t, opened, "#"+browser.Eval[string](p, "document.activeElement.id"), "focus goes back")
			}
		}
		assert.True(t, browser.Eval[bool](p, `document.getAnimations().every((a) => a.playState !== "running")`), "nothing moves for those who do not want it")
	}
	assert.Equal(t, "log", browser.Eval[string](p, `document.getElementById("thread").getAttribute("role")`))
	assert.Equal(t, "The answer is complete", browser.Eval[string](p, `document.getElementById("status").textContent`), "told to screen readers")
	fine(t, p)
}
