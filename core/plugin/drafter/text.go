package drafter

// Text keeps the books of a session for an implementation: what is told and asked is checked, and
// the text is there to be read. It is not safe for concurrent use.
type Text struct {
	Tokens []Token // committed; not to be written to

	target      Target
	description Description
	rows        int     // positions below it had their features, or never will
	open        []Token // proposed and not settled
	closed      bool
}

// NewText begins a text.
func NewText(t Target, d Description) *Text { return &Text{target: t, description: d} }

// Committed checks what [Session.Committed] is given and appends the tokens.
func (x *Text) Committed(tokens []Token, f Features) error {
	if x.closed {
		return ErrClosed
	}
	if err := x.target.CheckTokens("tokens", tokens); err != nil {
		return err
	}
	length := len(x.Tokens) + len(tokens)
	if length > x.target.Context {
		return invalid("tokens", "the text would have %d, more than the %d of the target", length, x.target.Context)
	}
	if err := x.checkFeatures(f, length); err != nil {
		return err
	}
	x.open = nil
	x.Tokens = append(x.Tokens, tokens...)
	if f.Rows > 0 {
		x.rows = f.Pos + f.Rows
	}
	return nil
}

func (x *Text) checkFeatures(f Features, length int) error {
	if f.Rows == 0 && len(f.Data) == 0 {
		return nil
	}
	row := len(x.description.Taps) * x.target.Width
	switch {
	case row == 0:
		return invalid("features", "the drafter taps no layers")
	case f.Rows < 1 || f.Rows > length || len(f.Data) != f.Rows*row:
		return invalid("features", "%d rows have %d elements, a row has %d", f.Rows, len(f.Data), row)
	case f.Pos < x.rows || f.Pos > length-f.Rows:
		return invalid("features", "they are of positions %d to %d, wanted are such from %d on of %d", f.Pos, f.Pos+f.Rows-1, x.rows, length)
	}
	return nil
}

// Ask checks what [Session.Propose] is asked and forgets an open proposal.
func (x *Text) Ask(ask Ask) error {
	switch {
	case x.closed:
		return ErrClosed
	case len(x.Tokens) == 0:
		return invalid("text", "it is empty")
	}
	x.open = nil
	return ask.Check(x.description)
}

// Proposed notes a proposal, which is kept until it is settled.
func (x *Text) Proposed(tokens []Token) { x.open = tokens }

// Settle checks what [Session.Settle] is given, appends the accepted tokens and returns them.
func (x *Text) Settle(accepted int) ([]Token, error) {
	switch {
	case x.closed:
		return nil, ErrClosed
	case accepted < 0 || accepted > len(x.open):
		return nil, invalid("accepted", "%d of %d proposed tokens", accepted, len(x.open))
	case len(x.Tokens)+accepted > x.target.Context:
		return nil, invalid("accepted", "the text would have %d tokens, more than the %d of the target", len(x.Tokens)+accepted, x.target.Context)
	}
	kept := x.open[:accepted]
	x.Tokens = append(x.Tokens, kept...)
	x.open = nil
	return kept, nil
}

// Close makes later calls ErrClosed.
func (x *Text) Close() { x.closed = true }

// Open is how many proposed tokens are not settled.
func (x *Text) Open() int { return len(x.open) }
