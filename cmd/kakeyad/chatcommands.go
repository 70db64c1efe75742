package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// chatCommands are what begins with a slash, in the order of /help.
var chatCommands = []struct{ name, argument, what string }{
	{"help", "", "this list"},
	{"clear", "", "begin a new conversation"},
	{"system", "[TEXT]", "set the system prompt; without a text, the channel's own"},
	{"set", "[NAME [VALUE]]", "change a setting, such as temperature 0, or take it back"},
	{"retry", "", "ask the last message again"},
	{"stats", "", "the figures of the last answer"},
	{"save", "FILE", "write the conversation to a file"},
	{"load", "FILE", "go on with the conversation of a file"},
	{"exit", "", "leave, as Ctrl-D does"},
}

func commandPairs() []string {
	var out []string
	for _, c := range chatCommands {
		out = append(out, "/"+c.name, c.what)
	}
	return out
}

// command does what a line that begins with a slash says, and tells whether to leave.
func (c *chat) command(ctx context.Context, line string) (leave bool) {
	name, argument, _ := strings.Cut(strings.TrimPrefix(line, "/"), " ")
	argument = strings.TrimSpace(argument)
	var err error
	switch name {
	case "help", "?":
		err = c.help()
	case "clear":
		c.messages, c.lastAsked = nil, ""
		c.say("a new conversation")
	case "system":
		c.system = argument
		c.say(map[bool]string{true: "the system prompt is the channel's own", false: "the system prompt is set"}[argument == ""])
	case "set":
		err = c.setCommand(argument)
	case "retry":
		err = c.retry(ctx)
	case "stats":
		c.printStats()
	case "save":
		err = c.save(argument)
	case "load":
		err = c.open(argument)
	case "exit", "quit", "bye":
		return true
	default:
		err = fmt.Errorf("there is no command /%s; /help lists them. A message that begins with a slash goes between two %s", name, block)
	}
	if err != nil {
		c.complain(err)
	}
	return false
}

func (c *chat) say(text string) { fmt.Fprintln(c.err, c.dim(text)) }

func (c *chat) help() error {
	table := tabwriter.NewWriter(c.err, 0, 0, 2, ' ', 0)
	for _, command := range chatCommands {
		fmt.Fprintf(table, "  /%s %s\t%s\n", command.name, command.argument, command.what)
	}
	fmt.Fprintf(table, "  \\ or %s\ta line that ends in \\, or all between two %s, goes on in the next line\n", block, block)
	fmt.Fprintf(table, "  Ctrl-C\tstops the answer\n")
	return table.Flush()
}

func (c *chat) setCommand(argument string) error {
	name, value, _ := strings.Cut(argument, " ")
	if name == "" {
		for _, key := range sortedKeys(c.settings) {
			fmt.Fprintf(c.err, "%s %v\n", key, c.settings[key])
		}
		c.say("settings: " + strings.Join(sortedKeys(settable), ", "))
		return nil
	}
	return c.set(name, strings.TrimSpace(value))
}

func (c *chat) retry(ctx context.Context) error {
	if c.lastAsked == "" {
		return errors.New("nothing was asked yet")
	}
	if n := len(c.messages); n >= 2 && c.messages[n-2].Role == "user" && c.messages[n-2].Content == c.lastAsked {
		c.messages = c.messages[:n-2]
	}
	return c.ask(ctx, c.lastAsked)
}

// savedChat is a conversation as /save writes it.
type savedChat struct {
	Kakeyad  string         `json:"kakeyad"` // "chat"
	Version  int            `json:"version"` // 1
	Channel  string         `json:"channel"`
	System   string         `json:"system,omitempty"`
	Settings map[string]any `json:"settings,omitempty"`
	Messages []message      `json:"messages"`
}

func (c *chat) save(file string) error {
	if file == "" {
		return errors.New("/save needs the name of a file")
	}
	text, err := json.MarshalIndent(savedChat{"chat", 1, c.channel, c.system, c.settings, c.messages}, "", "  ")
	if err == nil {
		err = writeWhole(file, string(text)+"\n")
	}
	if err == nil {
		c.say(fmt.Sprintf("%d messages saved to %s", len(c.messages), file))
	}
	return err
}

func (c *chat) open(file string) error {
	if file == "" {
		return errors.New("/load needs the name of a file")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var saved savedChat
	if err := json.Unmarshal(text, &saved); err != nil || saved.Kakeyad != "chat" || saved.Version != 1 {
		return fmt.Errorf("%s holds no conversation that /save wrote", file)
	}
	settings := map[string]any{}
	for name, value := range saved.Settings {
		if _, known := settable[name]; known {
			settings[name] = value
		}
	}
	c.system, c.settings, c.messages, c.lastAsked = saved.System, settings, saved.Messages, ""
	for _, m := range slices.Backward(saved.Messages) {
		if m.Role == "user" {
			c.lastAsked = m.Content
			break
		}
	}
	c.say(fmt.Sprintf("%d messages, first had with %s", len(saved.Messages), saved.Channel))
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
