package answer

import "encoding/json"

// Tool is a function that a model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON schema of the arguments; nil: there are none
	Raw         json.RawMessage // OpenAI's tool object, for templates
}

// Mode says whether a model may call functions.
type Mode int

// The modes.
const (
	Auto     Mode = iota // as the model likes
	None                 // not at all
	Required             // at least one
)

// Choice says which functions a model may or must call.
type Choice struct {
	Mode   Mode
	Name   string // with Required: this one; "": any
	Single bool   // no more than one call
}

// Among returns the tools that the choice leaves.
func (c Choice) Among(tools []Tool) []Tool {
	switch {
	case c.Mode == None:
		return nil
	case c.Name == "":
		return tools
	}
	for _, t := range tools {
		if t.Name == c.Name {
			return []Tool{t}
		}
	}
	return nil
}

// Part is a piece of an answer. One field says something.
type Part struct {
	Text    string
	Thought string
	Call    *CallDelta
}

// CallDelta begins a call, when it has a name, or goes on with its arguments.
type CallDelta struct {
	Index     int
	Name      string
	Arguments string // a piece of a JSON object
}
