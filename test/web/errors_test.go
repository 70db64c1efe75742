package web

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

const failedResource = "Failed to load resource"

func TestAnErrorIsTheDaemonsWordsAndCanBeTriedAgain(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	d := serve(t, fake.ModelConfig{Answer: "here you are", AfterTokens: 5, Fail: "the model tripped", Once: once}, api.Options{})
	p := open(t, d)
	ask(p, "hello")
	p.Until("the error", `document.querySelector(".trouble:not([hidden])")`)
	assert.Contains(t, p.Text(".trouble"), "the model tripped")
	assert.Equal(t, "here", p.Text(".message.assistant .answer"), "what came before it stays")
	p.Click(".trouble .button")
	p.Until("the second try", `document.querySelector(".message.assistant .answer").innerText === "here you are" && document.querySelector(".versions").innerText.includes("2/2")`)
	fine(t, p)
}

func TestTheBackendsDeathIsTold(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	d := serve(t, fake.ModelConfig{Answer: "here you are", AfterTokens: 5, Die: "exit", Once: once}, api.Options{})
	p := open(t, d)
	ask(p, "hello")
	p.Until("the error", `document.querySelector(".trouble:not([hidden])")`)
	p.Click(".trouble .button")
	p.Until("an answer of the next life", `document.querySelector(".message.assistant .answer").innerText === "here you are"`)
}

func TestAModelThatDoesNotLoad(t *testing.T) {
	d := serve(t, fake.ModelConfig{LoadError: "file"}, api.Options{})
	p := open(t, d)
	answerTo(p, "hello")
	assert.Contains(t, p.Text(".trouble"), "cannot be loaded")
	fine(t, p, failedResource)
}

func TestADaemonThatIsGone(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "yes"}, api.Options{})
	p := open(t, d)
	d.stop()
	answerTo(p, "are you there?")
	assert.Contains(t, p.Text(".trouble"), "Is kakeyad still running?")
	fine(t, p, failedResource)
}

func TestAChannelThatIsGoneLeadsToThePicker(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "yes"}, api.Options{})
	p := open(t, d)
	d.router.Swap(routertest.Set(t, map[string]channel.Model{"n": routertest.Model(t, fake.ModelConfig{Answer: "I am n"})}, map[string]channel.Spec{"n": {}}))
	answerTo(p, "hello")
	assert.Contains(t, p.Text(".trouble"), "There is no such channel")
	p.Click(".trouble .button")
	p.Until("the channels", jsCount(".channel-card", 1))
	p.Click(".channel-card label")
	p.Until("the choice", `document.getElementById("channel-name").innerText === "n" && !document.querySelector("dialog")`)
	assert.Equal(t, "I am n", answerTo(p, "and you?"))
	fine(t, p, failedResource)
}

func TestAnAPIKeyIsAskedForAndUsed(t *testing.T) {
	d := serve(t, fake.ModelConfig{Answer: "welcome"}, api.Options{Keys: []string{"open sesame"}})
	p := open(t, d)
	assert.Contains(t, p.Text("#notice"), "API key")
	p.Click("#notice button")
	p.Until("the field", `document.activeElement.id === "setting-key"`)
	p.Type("open sesame")
	p.Click("#settings [aria-label=Close]")
	p.Until("the channel", `document.getElementById("channel-name").innerText === "m"`)
	p.Until("the notice to go", `document.getElementById("notice").hidden`)
	assert.Equal(t, "welcome", answerTo(p, "hello"))

	d.server.SetKeys([]string{"another"})
	answerTo(p, "still?")
	assert.Contains(t, p.Text(".message:last-child .trouble"), "API key")
	p.Click(".message:last-child .trouble .button")
	p.Until("the field again", `document.activeElement.id === "setting-key"`)
	fine(t, p, failedResource)
}
