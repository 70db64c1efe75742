package web

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/test/browser"
)

const titles = `[...document.querySelectorAll(".entry-title")].map((e) => e.innerText)`

// catchDownloads makes the page hand its next file to the test in place of the disk.
const catchDownloads = `(() => { window.caught = new Promise((done) => { const make = URL.createObjectURL; URL.createObjectURL = (blob) => { done(blob.text()); URL.createObjectURL = make; return make(blob); }; }); return true; })()`

func TestConversationsAreKeptRenamedFoundAndDeleted(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "very well"}, api.Options{})
	p := open(t, d)
	answerTo(p, "about cats")
	p.Click("#new-chat")
	answerTo(p, "about dogs")
	reopen(p, d)
	require.Equal(t, []string{"about dogs", "about cats"}, browser.Eval[[]string](p, titles), "the last one first")

	p.Click("[aria-label='Options of about cats']")
	p.Enter() // the menu's first entry has the focus
	p.Type("Felines")
	p.Enter()
	p.Until("the new title", `document.querySelectorAll(".entry-title")[1]?.innerText === "Felines"`)

	p.Press("k", chromedp.ModifierCtrl)
	p.Type("felin")
	p.Until("one that fits", jsCount(".entry", 1))
	p.Click("#search")
	for range len("felin") {
		p.Press(kb.Backspace)
	}
	p.Until("both", jsCount(".entry", 2))

	p.Click("[aria-label='Options of about dogs']")
	p.Press(kb.End)
	p.Enter()
	p.Until("it to go", jsCount(".entry", 1))
	p.Click(".toast .link-button")
	p.Until("it to come back", jsCount(".entry", 2))
	p.Click("[aria-label='Options of about dogs']")
	p.Press(kb.End)
	p.Enter()
	p.Until("it to go again", jsCount(".entry", 1))
	reopen(p, d)
	assert.Equal(t, []string{"Felines"}, browser.Eval[[]string](p, titles))
	fine(t, p)
}

func TestExportAndImport(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "very **well**"}, api.Options{})
	p := open(t, d)
	answerTo(p, "about cats")

	browser.Eval[bool](p, catchDownloads)
	p.Click("[aria-label='Options of about cats']")
	p.Press(kb.ArrowDown)
	p.Enter()
	text := browser.Eval[string](p, "window.caught")
	assert.Contains(t, text, "# about cats\n")
	assert.Contains(t, text, "## You\n\nabout cats\n\n## m\n\nvery **well**\n")

	browser.Eval[bool](p, catchDownloads)
	p.Click("#open-data")
	p.Click("#data .button")
	file := filepath.Join(t.TempDir(), "conversations.json")
	require.NoError(t, os.WriteFile(file, []byte(browser.Eval[string](p, "window.caught")), 0o600))

	other := open(t, d) // a browser that knows nothing
	other.Click("#open-data")
	bad := filepath.Join(t.TempDir(), "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"kakeyad":"conversations","version":1,"conversations":[{"id":"a","version":1,"settings":{},"nodes":{"x":{"id":"y"}}}]}`), 0o600))
	other.Do(chromedp.SetUploadFiles(chromedp.CSS("#import-file"), []string{bad}))
	other.Until("the refusal", `document.querySelector("#data .trouble-line").innerText.includes("holds no conversations")`)
	other.Do(chromedp.SetUploadFiles(chromedp.CSS("#import-file"), []string{file}))
	other.Until("the conversation", jsCount(".entry", 1))
	other.Click(".entry-title")
	assert.Equal(t, "very well", other.Text(".message.assistant .answer"))
	fine(t, p)
	fine(t, other)
}
