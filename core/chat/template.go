package chat

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// Errors of this package.
var (
	ErrTemplate = errors.New("chat template")                  // the template is damaged, or fails for this input
	ErrRefused  = errors.New("the chat template refuses this") // the template raised an exception; the message is its own
)

// maxRendered bounds what a template may write, in bytes.
const maxRendered = 64 << 20

// Template is a compiled chat template. Safe for concurrent use.
type Template struct {
	compiled *exec.Template
	tokens   map[string]string
	now      func() time.Time
}

// NewTemplate compiles Jinja source. tokens are the texts of special tokens by name ("bos",
// "eos", "pad", ...); the template sees them as bos_token, eos_token and so on. A template
// reaches neither files nor the environment.
func NewTemplate(source string, tokens map[string]string) (*Template, error) {
	t := &Template{tokens: make(map[string]string, len(tokens)), now: time.Now}
	for name, text := range tokens {
		t.tokens[name+"_token"] = text
	}
	err := guarded(func() (err error) {
		t.compiled, err = compile(source)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w does not compile: %w", ErrTemplate, shortened(err, prepare(source)))
	}
	return t, nil
}

func compile(source string) (*exec.Template, error) {
	settings := config.New()
	settings.KeepTrailingNewline = true // prepare has seen to white space
	return exec.NewTemplate(root, settings, &sourceLoader{prepare(source)}, environment())
}

// Render renders the input. The error is an ErrRefused when the template raised an exception,
// an ErrTemplate otherwise.
func (t *Template) Render(in Input) (string, error) { return t.render(in, nil) }

// RenderGuarded is Render in parts: what the guard knows and people said is literal, the rest is
// the template's. They are one part when there was nothing to guard against.
func (t *Template) RenderGuarded(in Input, g *Guard) ([]Segment, error) {
	text, err := t.render(in, g)
	if err != nil {
		return nil, err
	}
	return g.segments(text), nil
}

func (t *Template) render(in Input, g *Guard) (string, error) {
	variables := make(map[string]any, len(t.tokens)+len(in.Extra)+4)
	for _, name := range []string{"bos_token", "eos_token"} {
		variables[name] = ""
	}
	for name, text := range t.tokens {
		variables[name] = text
	}
	for name, v := range in.Extra {
		variables[name] = g.coverValue(native(v))
	}
	variables["messages"] = values(in.Messages, g)
	variables["add_generation_prompt"] = in.AddGenerationPrompt
	variables["strftime_now"] = strftimeNow(t.now)
	if len(in.Tools) > 0 {
		tools := make(list, len(in.Tools))
		for i, raw := range in.Tools {
			tool, err := fromJSON(raw)
			if err != nil {
				return "", fmt.Errorf("%w: tools[%d]: %w", ErrTemplate, i, err)
			}
			tools[i] = g.coverValue(tool)
		}
		variables["tools"] = tools
	}

	var raised refusal
	variables["raise_exception"] = raised.raise
	out := &limitedBuilder{}
	err := guarded(func() error { return t.compiled.Execute(out, exec.NewContext(variables)) })
	switch {
	case raised.message != nil:
		return "", fmt.Errorf("%w: %s", ErrRefused, g.plain(*raised.message))
	case err != nil:
		return "", fmt.Errorf("%w fails: %w", ErrTemplate, err)
	}
	return out.String(), nil
}

// refusal remembers what raise_exception was called with.
type refusal struct{ message *string }

func (r *refusal) raise(args *exec.VarArgs) *exec.Value {
	message := "no reason given"
	if len(args.Args) > 0 {
		message = args.Args[0].String()
	}
	if r.message == nil {
		r.message = &message
	}
	return exec.AsValue(errors.New(message))
}

// guarded turns a panic of the template engine into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return f()
}

// shortened leaves the template's own text out of an error.
func shortened(err error, source string) error {
	return errors.New(strings.ReplaceAll(err.Error(), source, "..."))
}

// limitedBuilder collects at most maxRendered bytes.
type limitedBuilder struct{ strings.Builder }

func (b *limitedBuilder) Write(p []byte) (int, error) { return b.WriteString(string(p)) }

func (b *limitedBuilder) WriteString(s string) (int, error) {
	if b.Len()+len(s) > maxRendered {
		return 0, fmt.Errorf("it writes more than %d bytes", maxRendered)
	}
	return b.Builder.WriteString(s)
}

// root names the one template that a sourceLoader has.
const root = "chat_template"

// sourceLoader gives the engine one template and nothing else.
type sourceLoader struct{ source string }

var _ loaders.Loader = (*sourceLoader)(nil)

func (l *sourceLoader) Read(path string) (io.Reader, error) {
	if path != root {
		return nil, errors.New("a chat template cannot read other templates")
	}
	return strings.NewReader(l.source), nil
}

func (l *sourceLoader) Resolve(path string) (string, error) {
	if path != root {
		return "", errors.New("a chat template cannot name other templates")
	}
	return path, nil
}

func (l *sourceLoader) Inherit(string) (loaders.Loader, error) { return l, nil }
