package api

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// only is the model that a request means that names none: there must be no other.
func (s *Server) only(model string) string {
	if all := s.router.Set().All(); model == "" && len(all) == 1 {
		return all[0].Name
	}
	return model
}

// tokenize is POST /tokenize, in llama-server's shape.
func (s *Server) tokenize(x *exchange) error {
	req, err := openai.ReadTokenize(x.http.PostBody())
	if err != nil {
		return err
	}
	return s.tokens(x, req, func(c tokenizer) ([]byte, error) {
		tokens, err := c.Tokenize(req.Content, req.AddSpecial, req.ParseSpecial)
		if err != nil {
			return nil, err
		}
		b := []byte(`{"tokens":[`)
		for i, t := range tokens {
			if i > 0 {
				b = append(b, ',')
			}
			if !req.Pieces {
				b = strconv.AppendInt(b, int64(t), 10)
				continue
			}
			piece, err := c.Detokenize([]backend.Token{t})
			if err != nil {
				return nil, err
			}
			b = strconv.AppendInt(append(b, `{"id":`...), int64(t), 10)
			b = append(appendPiece(append(b, `,"piece":`...), piece), '}')
		}
		return append(b, "]}"...), nil
	})
}

// appendPiece appends a piece as text, or as its bytes when it is none.
func appendPiece(b, piece []byte) []byte {
	if utf8.Valid(piece) {
		return openai.AppendString(b, string(piece))
	}
	for i, c := range piece {
		b = append(b, "[,"[min(i, 1)])
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return append(b, ']')
}

// detokenize is POST /detokenize, in llama-server's shape.
func (s *Server) detokenize(x *exchange) error {
	req, err := openai.ReadDetokenize(x.http.PostBody())
	if err != nil {
		return err
	}
	return s.tokens(x, req, func(c tokenizer) ([]byte, error) {
		text, err := c.Detokenize(req.Tokens)
		b := openai.AppendString([]byte(`{"content":`), strings.ToValidUTF8(string(text), string(utf8.RuneError)))
		return append(b, '}'), err
	})
}

// tokenizer is a call's, within a request.
type tokenizer struct {
	Tokenize   func(text string, addSpecial, parseSpecial bool) ([]backend.Token, error)
	Detokenize func(tokens []backend.Token) ([]byte, error)
}

func (s *Server) tokens(x *exchange, req *openai.TokenRequest, answer func(tokenizer) ([]byte, error)) error {
	call, ctx, release, err := s.open(x, s.only(req.Model))
	if err != nil {
		return err
	}
	defer release()
	body, err := answer(tokenizer{
		Tokenize: func(text string, addSpecial, parseSpecial bool) ([]backend.Token, error) {
			return call.Tokenize(ctx, text, addSpecial, parseSpecial)
		},
		Detokenize: func(tokens []backend.Token) ([]byte, error) { return call.Detokenize(ctx, tokens) },
	})
	if err != nil {
		return causeOr(ctx, err)
	}
	writeJSON(x.http, body)
	return nil
}

// applyTemplate is POST /apply-template: a chat's prompt as text.
func (s *Server) applyTemplate(x *exchange) error {
	req, err := openai.ReadChat(openai.WithModel(x.http.PostBody(), s.only("")))
	if err != nil {
		return err
	}
	call, _, release, err := s.open(x, req.Model)
	if err != nil {
		return err
	}
	defer release()
	text, err := call.PromptText(req.ChatRequest)
	if err != nil {
		return err
	}
	writeJSON(x.http, append(openai.AppendString([]byte(`{"prompt":`), text), '}'))
	return nil
}
