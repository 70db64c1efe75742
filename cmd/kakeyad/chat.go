package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// chat is a conversation with a channel.
type chat struct {
	daemon   *remote
	client   openai.Client
	channel  string
	out, err io.Writer
	color    bool

	system     string
	settings   map[string]any
	messages   []message
	lastAsked  string
	stats      *answerStats // of the last answer
	showStats  bool
	interrupts <-chan os.Signal // each stops the answer that runs
}

// message is one of the conversation, as the API has it.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// answerStats are the figures of an answer.
type answerStats struct {
	first          time.Duration // from asking to the first token
	rate           float64       // tokens a second
	tokens         int64
	prompt, cached int64
}

func newChat(daemon *remote, channel string, out, errOut io.Writer) *chat {
	key := daemon.key
	if key == "" {
		key = "none" // the client insists on one
	}
	return &chat{
		daemon: daemon, channel: channel, out: out, err: errOut, settings: map[string]any{},
		color: isTerminal(out) && os.Getenv("NO_COLOR") == "",
		client: openai.NewClient(option.WithBaseURL(daemon.url+"/v1"), option.WithAPIKey(key),
			option.WithHTTPClient(daemon.http), option.WithMaxRetries(0)),
	}
}

// load waits until the channel's model is loaded, and says so where a person waits.
func (c *chat) load(ctx context.Context) error {
	ctx, done := c.interruptible(ctx)
	defer done()
	shown := isTerminal(c.err)
	if shown {
		fmt.Fprintf(c.err, "loading %s…", c.channel)
	}
	err := c.daemon.ask(ctx, "/v1/kakeya/load", map[string]string{"model": c.channel}, new(struct{}))
	if shown {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
	return err
}

// interruptible is a context that Ctrl-C ends.
func (c *chat) interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	select {
	case <-c.interrupts: // an old one
	default:
	}
	go func() {
		defer close(ended)
		select {
		case <-c.interrupts:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-ended
	}
}

// ask sends a message and prints the answer while it comes. What was stopped stays in the conversation; a
// message that got an error does not, and /retry sends it again.
func (c *chat) ask(ctx context.Context, text string) error {
	c.lastAsked = text
	c.messages = append(c.messages, message{"user", text})
	ctx, done := c.interruptible(ctx)
	defer done()
	answer, err := c.stream(ctx)
	stopped := ctx.Err() != nil
	if !strings.HasSuffix(answer, "\n") && answer != "" {
		fmt.Fprintln(c.out)
	}
	switch {
	case stopped:
		fmt.Fprintln(c.err, c.dim("stopped"))
	case err != nil:
		c.messages = c.messages[:len(c.messages)-1]
		return err
	}
	c.messages = append(c.messages, message{"assistant", answer})
	if c.showStats && !stopped {
		c.printStats()
	}
	return nil
}

func (c *chat) stream(ctx context.Context) (string, error) {
	began := time.Now()
	c.stats = &answerStats{}
	stream := c.client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{
		Model:         c.channel,
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	}, c.options()...)
	defer func() { _ = stream.Close() }() // what it would say is in stream.Err
	var answer strings.Builder
	thinking := false
	for stream.Next() {
		chunk := stream.Current()
		if len(chunk.Choices) > 0 {
			delta := chunk.Choices[0].Delta
			thought := textOf(delta.JSON.ExtraFields["reasoning_content"].Raw())
			if c.stats.first == 0 && (delta.Content != "" || thought != "") {
				c.stats.first = time.Since(began)
			}
			if thought != "" {
				thinking = true
				fmt.Fprint(c.err, c.dim(thought))
			}
			if delta.Content != "" {
				if thinking {
					thinking = false
					fmt.Fprint(c.err, "\n\n")
				}
				answer.WriteString(delta.Content)
				fmt.Fprint(c.out, delta.Content)
			}
		}
		c.takeStats(chunk)
	}
	err := stream.Err()
	var refused *openai.Error
	if errors.As(err, &refused) && refused.Message != "" {
		err = errors.New(refused.Message)
	}
	return answer.String(), err
}

// options are what the request has beside its channel.
func (c *chat) options() []option.RequestOption {
	messages := c.messages
	if c.system != "" {
		messages = append([]message{{"system", c.system}}, messages...)
	}
	out := []option.RequestOption{option.WithJSONSet("messages", messages)}
	for name, value := range c.settings {
		out = append(out, option.WithJSONSet(name, value))
	}
	return out
}

func textOf(raw string) (text string) {
	_ = json.Unmarshal([]byte(raw), &text) // absent and null are no text
	return text
}

func (c *chat) takeStats(chunk openai.ChatCompletionChunk) {
	var timings struct {
		Rate float64 `json:"predicted_per_second"`
	}
	if json.Unmarshal([]byte(chunk.JSON.ExtraFields["timings"].Raw()), &timings) == nil && timings.Rate > 0 {
		c.stats.rate = timings.Rate
	}
	if chunk.Usage.PromptTokens > 0 {
		c.stats.tokens, c.stats.prompt = chunk.Usage.CompletionTokens, chunk.Usage.PromptTokens
		c.stats.cached = chunk.Usage.PromptTokensDetails.CachedTokens
	}
}

func (c *chat) printStats() {
	if c.stats == nil || c.stats.prompt == 0 {
		fmt.Fprintln(c.err, c.dim("no figures: no answer has come to its end"))
		return
	}
	s := c.stats
	fmt.Fprintln(c.err, c.dim(fmt.Sprintf("%.1f tokens/s, first token after %s, %d tokens, %d of %d prompt tokens cached",
		s.rate, s.first.Round(time.Millisecond), s.tokens, s.cached, s.prompt)))
}

// settable are the settings that /set and --set take, and whether they are whole numbers.
var settable = map[string]bool{
	"temperature": false, "top_p": false, "min_p": false, "typical_p": false, "repeat_penalty": false,
	"frequency_penalty": false, "presence_penalty": false,
	"top_k": true, "max_tokens": true, "seed": true, "repeat_last_n": true,
}

// set changes a sampling setting; an empty value takes it back.
func (c *chat) set(name, value string) error {
	whole, known := settable[name]
	if !known {
		return fmt.Errorf("there is no setting %q; there are %s", name, strings.Join(sortedKeys(settable), ", "))
	}
	if value == "" {
		delete(c.settings, name)
		return nil
	}
	var err error
	if whole {
		c.settings[name], err = strconv.ParseInt(value, 10, 64)
	} else {
		c.settings[name], err = strconv.ParseFloat(value, 64)
	}
	if err != nil {
		delete(c.settings, name)
		return fmt.Errorf("%s: %q is no number", name, value)
	}
	return nil
}

func (c *chat) dim(text string) string {
	if !c.color {
		return text
	}
	return "\x1b[2m" + text + "\x1b[22m"
}
