package backendtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var tokenChecks = []Check{
	{
		Name: "tokens/round-trip",
		Doc:  "Detokenize gives back what Tokenize took, whatever the script; a tokenizer that begins a text with a space may keep it.",
		Run:  checkRoundTrip,
	},
	{
		Name: "tokens/special",
		Doc:  "AddSpecial begins with bos where the model asks for it; text of special tokens becomes them only with ParseSpecial.",
		Run:  checkSpecial,
	},
	{
		Name: "tokens/unknown",
		Doc:  "A token that the vocabulary does not have is ErrInvalid.",
		Run:  checkUnknownToken,
	},
	{
		Name: "tokens/large",
		Doc:  "A text of megabytes can be tokenized.",
		Run:  checkLargeText,
	},
}

var texts = []string{
	"Hello, world!",
	"  two spaces, then a\ttab and\n\nnewlines\n",
	"naïve café, Straße, Ελληνικά, русский",
	"日本語と中文、한국어",
	"family 👨‍👩‍👧‍👦 and flag 🇨🇭",
	"combining e\u0301 and right-to-left עברית",
	"func main() { fmt.Println(\"x\\n\") }",
}

func (m *model) tokenize(ctx context.Context, text string, addSpecial, parseSpecial bool) ([]backend.Token, error) {
	tokens, err := m.env.Backend.Tokenize(ctx, backend.TokenizeRequest{
		Model: m.id, Text: text, AddSpecial: addSpecial, ParseSpecial: parseSpecial,
	})
	if err != nil {
		return nil, fmt.Errorf("tokenize: %w", err)
	}
	for _, t := range tokens {
		if t < 0 || int(t) >= m.info.Vocabulary {
			return nil, fmt.Errorf("tokenize: token %d is not in the vocabulary of %d", t, m.info.Vocabulary)
		}
	}
	return tokens, nil
}

func checkRoundTrip(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, text := range texts {
		tokens, err := m.tokenize(ctx, text, false, false)
		if err != nil {
			return err
		}
		back, err := env.Backend.Detokenize(ctx, m.id, tokens)
		if err != nil {
			return err
		}
		if got := string(back); got != text && got != " "+text {
			return fmt.Errorf("%q became %q", text, got)
		}
	}
	return nil
}

func checkSpecial(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	plain, err := m.tokenize(ctx, "hello", false, false)
	if err != nil {
		return err
	}
	added, err := m.tokenize(ctx, "hello", true, false)
	if err != nil {
		return err
	}
	bos, known := m.info.Special["bos"]
	switch begins := known && len(added) > 0 && added[0] == bos; {
	case m.info.AddBOS && !begins:
		return fmt.Errorf("AddSpecial gives %v, which does not begin with bos", added)
	case !m.info.AddBOS && begins:
		return fmt.Errorf("AddSpecial begins with bos, and AddBOS is false: %v", added)
	case known && slices.Contains(plain, bos):
		return fmt.Errorf("bos is in %v without AddSpecial", plain)
	}
	for key, token := range m.info.Special {
		if err := m.checkSpecialToken(ctx, key, token); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) checkSpecialToken(ctx context.Context, key string, token backend.Token) error {
	text := m.info.Text[key]
	if text == "" {
		return nil
	}
	parsed, err := m.tokenize(ctx, text, false, true)
	if err != nil {
		return err
	}
	if !slices.Equal(parsed, []backend.Token{token}) {
		return fmt.Errorf("%s: text %q parses to %v, not to %d", key, text, parsed, token)
	}
	unparsed, err := m.tokenize(ctx, text, false, false)
	if err != nil {
		return err
	}
	if slices.Contains(unparsed, token) {
		return fmt.Errorf("%s: text %q becomes the token without ParseSpecial", key, text)
	}
	back, err := m.env.Backend.Detokenize(ctx, m.id, []backend.Token{token})
	if err != nil {
		return err
	}
	if string(back) != text {
		return fmt.Errorf("%s: token %d is %q detokenized, its text is %q", key, token, back, text)
	}
	return nil
}

func checkUnknownToken(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, t := range []backend.Token{-1, backend.Token(m.info.Vocabulary)} {
		_, err := env.Backend.Detokenize(ctx, m.id, []backend.Token{t})
		if wrong := expect(err, base.ErrInvalid, fmt.Sprintf("detokenize %d", t)); wrong != nil {
			return wrong
		}
		req := m.greedy(1)
		req.Prompt = backend.Prompt{Tokens: []backend.Token{t}}
		_, err = m.ask(ctx, req)
		if wrong := expect(err, base.ErrInvalid, fmt.Sprintf("a prompt of token %d", t)); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkLargeText(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	const size = 5 << 20 // above gRPC's own limit of 4 MiB
	line := "A line of plain words that is told again and again.\n"
	text := strings.Repeat(line, size/len(line)+1)
	tokens, err := m.tokenize(ctx, text, false, false)
	if err != nil {
		return err
	}
	if len(tokens) == 0 {
		return fmt.Errorf("%d bytes became no token", len(text))
	}
	return nil
}
