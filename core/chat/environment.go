package chat

import (
	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// structures are the statements that chat templates may use. Those that reach other templates
// (include, import, extends) are left out.
var structures = []string{
	"autoescape", "block", "call", "do", "filter", "for", "if", "macro", "raw", "set", "with", "break", "continue",
}

// environment returns what a template may use: the engine's own, less what reaches outside it,
// with the gaps between it and Jinja2 as the reference runs chat templates closed.
func environment() *exec.Environment {
	statements := exec.NewControlStructureSet(map[string]parserFunc{})
	for _, name := range structures {
		if parse, ok := builtins.ControlStructures.Get(name); ok {
			_ = statements.Register(name, parse)
		}
	}
	_ = statements.Register("generation", parseGeneration)

	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).
		Update(builtins.Filters).
		Update(exec.NewFilterSet(ourFilters))
	tests := exec.NewTestSet(map[string]exec.TestFunction{}).
		Update(builtins.Tests).
		Update(exec.NewTestSet(ourTests))

	return &exec.Environment{
		Context:           exec.NewContext(map[string]any{}).Update(builtins.GlobalFunctions).Update(exec.NewContext(ourFunctions)),
		Filters:           filters,
		Tests:             tests,
		ControlStructures: statements,
		Methods:           ourMethods(),
	}
}
