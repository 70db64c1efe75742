package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/reeflective/readline"
)

// talk reads messages and commands from the terminal until the person leaves. What was typed is kept in the file
// history.
func (c *chat) talk(ctx context.Context, history string) error {
	editor, err := newEditor(history)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.err, c.dim(fmt.Sprintf("%s. /help lists the commands, Ctrl-D leaves.", c.channel)))
	for {
		line, err := editor.Readline()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.out)
			return nil
		case errors.Is(err, readline.ErrInterrupt):
			fmt.Fprintln(c.err, c.dim("Ctrl-D or /exit leaves."))
			continue
		case err != nil:
			return err
		}
		text := unfold(line)
		if text == "" {
			continue
		}
		if strings.HasPrefix(text, "/") {
			if leave := c.command(ctx, text); leave {
				return nil
			}
			continue
		}
		if err := c.ask(ctx, text); err != nil {
			c.complain(err)
		}
	}
}

// complain prints an error that does not end the chat.
func (c *chat) complain(err error) { fmt.Fprintln(c.err, "error:", err) }

func newEditor(history string) (*readline.Shell, error) {
	if err := os.MkdirAll(filepath.Dir(history), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder (data_dir, KAKEYAD_DATA_DIR): %w", err)
	}
	// The file is made here, so that nobody else may read it.
	f, err := os.OpenFile(history, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	editor := readline.NewShell()
	// All that is printed before a prompt ends in a new line, so the terminal need not be asked where the cursor is.
	if err := editor.Config.Set("cursor-position-probe", false); err != nil {
		return nil, err
	}
	editor.Prompt.Primary(func() string { return "› " })
	editor.Prompt.Secondary(func() string { return "… " })
	editor.History.AddFromFile("kakeyad", history)
	editor.AcceptMultiline = func(line []rune) bool { return whole(string(line)) }
	editor.Completer = func(line []rune, _ int) readline.Completions {
		if !strings.HasPrefix(string(line), "/") || strings.Contains(string(line), " ") {
			return readline.Completions{}
		}
		return readline.CompleteValuesDescribed(commandPairs()...)
	}
	return editor, nil
}

const block = `"""`

// whole says whether a text may be sent: no """ is open, and it does not end in a backslash.
func whole(text string) bool {
	if strings.Count(text, block)%2 == 1 {
		return false
	}
	return !strings.HasSuffix(text, `\`)
}

// unfold is the message that was typed: without the signs that make it go on.
func unfold(text string) string {
	text = strings.ReplaceAll(text, "\\\n", "\n")
	if t := strings.TrimSpace(text); strings.HasPrefix(t, block) && strings.HasSuffix(t, block) && len(t) >= 2*len(block) {
		text = t[len(block) : len(t)-len(block)]
	}
	return strings.TrimSpace(text)
}
