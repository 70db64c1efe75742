package answer

import "strings"

// Dialect is how a model writes calls. Immutable.
type Dialect struct {
	Name string

	// KeepSpecial says that calls begin with a control token, whose text the answer must have.
	KeepSpecial bool

	// Prefill is what the prompt of an answer that must be a call ends with. The grammar of such
	// an answer goes on behind it.
	Prefill string

	markers []string // texts with which calls begin
	closers []string // texts that end calls and may be all that is left of an answer
	bare    bool     // a call may also be all of an answer, as a JSON object
	example string   // for models whose template does not explain it

	// next reads the next call. It leaves the cursor behind it, or where it began.
	next func(c *cursor, tools []Tool) (found, status)
	// grammar describes the calls that an answer consists of.
	grammar func(b *builder, tools []Tool, single bool) (string, error)
}

// status is what came next.
type status int

const (
	more  status = iota // it cannot be told yet
	part                // a call that has its name, and goes on
	whole               // a call
	done                // no further call
	other               // no call at all
)

// said is the status of what an object came to.
func said(c *cursor, call found, ok bool) (found, status) {
	switch {
	case ok && call.whole:
		return call, whole
	case ok:
		return call, part
	case c.short:
		return call, more
	}
	return call, other
}

// dialects by what templates contain, first come first.
var dialects = []struct {
	sign    string
	dialect *Dialect
}{
	{"<arg_key>", glm},
	{"<tool_call>", hermes},
	{"[TOOL_CALLS]", mistral},
	{"<｜tool▁calls▁begin｜>", deepseek},
	{"<|python_tag|>", llama},
	{"Environment: ipython", llama},
	{"<|observation|>", glm4},
}

// Detect returns the dialect of a model by its chat template. DeepSeek's newer templates leave out
// what the older ones have between the name and the arguments.
func Detect(template string) *Dialect {
	for _, d := range dialects {
		if !strings.Contains(template, d.sign) {
			continue
		}
		if d.dialect == deepseek && !strings.Contains(template, "```json") {
			return deepseekPlain
		}
		return d.dialect
	}
	return Generic
}
