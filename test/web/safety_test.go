package web

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/test/browser"
)

// hostile is what a model says that wants to run in the page, or to make the browser call somebody.
const hostile = `<script>window.owned = 1</script>
<img src="http://evil.example/a.png" onerror="window.owned = 2">
<svg onload="window.owned = 3"></svg> <iframe srcdoc="<script>parent.owned = 4</script>"></iframe>
<style>body { display: none }</style> <a href="javascript:window.owned = 5">raw</a>

[a](javascript:window.owned=6) [b](JaVaScRiPt:window.owned=7) [c](data:text/html,<script>top.owned=8</script>) [d](vbscript:x) [e](file:///etc/passwd)
![x" onerror="window.owned=9](http://evil.example/b.png) ![y](javascript:window.owned=10)
[f](https://example.com "x\" onclick=\"window.owned=11")

` + "```\"><img src=x onerror=window.owned=12>\n</code></pre><script>window.owned = 13</script>\n```\n" + `
| a <img src=x onerror=window.owned=14> | b |
|---|---|
| <b>c</b> | d |

~~~html
<script>window.owned = 15</script><img src="http://evil.example/c.png">
~~~
<details open ontoggle="window.owned = 16">`

func TestAnAnswerCannotTakeThePage(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: hostile}, api.Options{})
	p := open(t, d)
	text := answerTo(p, `<img src="http://evil.example/user.png" onerror="window.owned = 20">`)
	assert.Contains(t, text, "<script>window.owned = 1</script>", "HTML is shown as it was written")
	for _, path := range []string{"", "reload"} {
		if path != "" {
			reopen(p, d)
			p.Click(".entry-title")
		}
		assert.True(t, browser.Eval[bool](p, `window.owned === undefined`))
		assert.True(t, browser.Eval[bool](p, jsCount("#thread :is(script, img, iframe, style, object, embed, form[action], base, link, meta)", 0)))
		assert.True(t, browser.Eval[bool](p, `[...document.querySelectorAll("#thread *, #conversations *")].every((e) => e.getAttributeNames().every((name) => !name.startsWith("on") && name !== "style"))`))
		links := browser.Eval[[]string](p, `[...document.querySelectorAll("#thread a")].map((a) => a.href)`)
		for _, link := range links {
			assert.Regexp(t, `^https?://`, link)
		}
		assert.Equal(t, "_blank noopener noreferrer nofollow", browser.Eval[string](p, `(() => { const a = document.querySelector("#thread a"); return a.target + " " + a.rel; })()`))
	}
	for _, url := range p.Requests() {
		assert.True(t, strings.HasPrefix(url, d.url), "the page asked for %s", url)
	}
	fine(t, p)
}

func TestThePolicyStopsWhatGetsPastTheRenderer(t *testing.T) {
	p := open(t, serve(t, fake.ModelConfig{}, api.Options{}))
	for _, attempt := range []string{
		`document.body.innerHTML = "<img src=x onerror='window.owned=1'>"`,
		`document.body.setAttribute("onclick", "window.owned = 1")`,
		`document.createElement("script").src = "data:text/javascript,window.owned=1"`,
		`document.createElement("script").textContent = "window.owned = 1"`,
		`trustedTypes.createPolicy("another", { createHTML: (s) => s })`,
	} {
		got := browser.Eval[string](p, `(() => { try { `+attempt+`; return "let in"; } catch (e) { return e.name; } })()`)
		assert.Equal(t, "TypeError", got, attempt)
	}
	require.NotEmpty(t, browser.Eval[string](p, `fetch("http://127.0.0.1:1/").then(() => "", (e) => e.name)`))
	assert.NotEmpty(t, p.Problems(), "the browser says what it stopped")
}
