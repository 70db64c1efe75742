package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// errCancelled ends a request whose caller wants no more of it; the caller knows why.
var errCancelled = errors.New("cancelled")

// Engine runs the requests for one model. Its methods are safe for concurrent use and mean what
// those of [backend.Backend] do; which model a request names is not looked at.
type Engine struct {
	exec        Executor
	vocab       Vocabulary
	opts        Options
	ends        []backend.Token // all end tokens
	parker      Parker          // nil: nothing is parked
	mailbox     *mailbox
	constraints *constraints
	drafts      *drafts
}

// New starts an engine. The caller closes it, and the executor after that. Options that the
// executor's limits do not allow are ErrInvalid.
func New(exec Executor, vocab Vocabulary, opts Options) (*Engine, error) {
	opts, err := opts.resolve(exec.Limits())
	if err != nil {
		return nil, err
	}
	drafts, err := newDrafts(exec, opts)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		exec:        exec,
		vocab:       vocab,
		opts:        opts,
		mailbox:     newMailbox(opts.Parallel+opts.Queue, exec.Interrupt),
		constraints: newConstraints(vocab),
		drafts:      drafts,
	}
	for t := range backend.Token(vocab.Size()) {
		if vocab.IsEnd(t) {
			e.ends = append(e.ends, t)
		}
	}
	if parker, ok := exec.(Parker); ok && opts.ParkAfter > 0 {
		e.parker = parker
	}
	go newLoop(exec, e.parker, opts, e.mailbox, drafts).run()
	return e, nil
}

// Options returns the settings as resolved: no zero is left that stood for a default.
func (e *Engine) Options() Options { return e.opts }

// Stats returns what the engine does now and has done since New.
func (e *Engine) Stats() backend.Stats { return e.mailbox.snapshot() }

// Close ends all requests with ErrModelNotLoaded, interrupts the running step and waits until the
// executor is no longer used, or for ctx; it may be called again.
func (e *Engine) Close(ctx context.Context) error {
	e.mailbox.close()
	select {
	case <-e.mailbox.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("engine: closing: %w", ctx.Err())
	}
}

// wait submits r and returns when it has ended.
func (e *Engine) wait(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.mailbox.submit(r); err != nil {
		return err
	}
	defer e.mailbox.watch(ctx, r)()
	<-r.done
	if errors.Is(r.err, errCancelled) {
		return ctx.Err()
	}
	return r.err
}

// follow submits r, calls take whenever ready says that there is something, and once more when r
// has ended, and returns when r has given up its slot. An error of take ends r.
func (e *Engine) follow(ctx context.Context, r *request, ready <-chan struct{}, take func() error) error {
	if err := e.mailbox.submit(r); err != nil {
		return err
	}
	defer e.mailbox.watch(ctx, r)()
	for ended := false; !ended; {
		select {
		case <-ready:
		case <-r.done:
			ended = true
		}
		if err := ctx.Err(); err != nil {
			<-r.done
			return err
		}
		if err := take(); err != nil {
			e.mailbox.cancel(r)
			<-r.done
			return err
		}
	}
	return r.err
}

// tokenize returns the tokens of a prompt, which are at least one: an empty prompt is what the
// model begins a text with.
func (e *Engine) tokenize(p backend.Prompt) ([]backend.Token, error) {
	if p.Text != "" && len(p.Tokens) > 0 {
		return nil, fmt.Errorf("prompt has both text and tokens: %w", base.ErrInvalid)
	}
	if err := e.known("prompt.tokens", p.Tokens); err != nil {
		return nil, err
	}
	tokens := p.Tokens
	if p.Text != "" {
		var err error
		if tokens, err = e.vocab.Tokenize(p.Text, p.AddSpecial, p.ParseSpecial); err != nil {
			return nil, fmt.Errorf("tokenizing the prompt: %w", err)
		}
	}
	if len(tokens) == 0 {
		var err error
		if tokens, err = e.vocab.Tokenize("", true, false); err != nil {
			return nil, fmt.Errorf("tokenizing the empty prompt: %w", err)
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("prompt is empty and the model has no token to begin with: %w", base.ErrInvalid)
	}
	return tokens, nil
}

// known refuses tokens that the vocabulary does not have.
func (e *Engine) known(field string, tokens []backend.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= e.vocab.Size() {
			return fmt.Errorf("%s[%d]: no token %d in a vocabulary of %d: %w", field, i, t, e.vocab.Size(), base.ErrInvalid)
		}
	}
	return nil
}
