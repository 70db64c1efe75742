package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Condition is an expression over metrics that is true or false of a channel, such as
// ppl_delta_pct > 1 or generation_ratio_high < 0.95 && kl > 0.01. The language is expr's
// (https://expr-lang.org).
type Condition struct {
	Text    string
	program *vm.Program
	names   []string
}

// ParseCondition reads a condition. An error says what is wrong and which names there are.
func ParseCondition(text string) (*Condition, error) {
	values := map[string]float64{}
	for _, m := range metrics {
		values[m.Name] = 0
	}
	c := &Condition{Text: text}
	names := &collector{}
	program, err := expr.Compile(text, expr.Env(values), expr.AsBool(), expr.DisableAllBuiltins(), expr.Patch(names))
	for _, name := range names.all {
		if _, ok := values[name]; !ok {
			return nil, fmt.Errorf("%w: condition %q: no metric %q%s; there are %s", base.ErrInvalid, text, name, meant(name), strings.Join(metricNames(), ", "))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: condition %q is not one such as \"ppl_delta_pct > 1\": %w", base.ErrInvalid, text, err)
	}
	if len(names.all) == 0 {
		return nil, fmt.Errorf("%w: condition %q names no metric; there are %s", base.ErrInvalid, text, strings.Join(metricNames(), ", "))
	}
	c.program, c.names = program, names.all
	return c, nil
}

// Failure is a condition that holds of a channel.
type Failure struct {
	Condition string             `json:"condition"`
	Channel   string             `json:"channel"` // its label
	Values    map[string]float64 `json:"values"`  // of the metrics in the condition
}

// String is the failure in words.
func (f Failure) String() string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(f.Values)) {
		values = append(values, fmt.Sprintf("%s is %.5g", name, f.Values[name]))
	}
	return fmt.Sprintf("%s: %s holds: %s", f.Channel, f.Condition, strings.Join(values, ", "))
}

// Holds returns what the conditions hold of, the baseline left out. A metric that was not measured
// is an error: a condition on it never passes unseen.
func (r *Report) Holds(conditions []*Condition) ([]Failure, error) {
	var out []Failure
	for _, c := range conditions {
		for i := 1; i < len(r.Channels); i++ {
			own := &r.Channels[i]
			values, all := map[string]float64{}, map[string]float64{}
			for _, m := range metrics {
				v, ok := m.of(&r.Channels[0], own)
				if ok {
					all[m.Name] = v
				}
			}
			for _, name := range c.names {
				v, ok := all[name]
				if !ok {
					return nil, fmt.Errorf("condition %q: %s of %s was not measured", c.Text, name, own.Label)
				}
				values[name] = v
			}
			holds, err := expr.Run(c.program, all)
			if err != nil {
				return nil, fmt.Errorf("condition %q: %w", c.Text, err)
			}
			if holds == true {
				out = append(out, Failure{Condition: c.Text, Channel: own.Label, Values: values})
			}
		}
	}
	return out, nil
}

// collector gathers the names in an expression.
type collector struct{ all []string }

// Visit implements ast.Visitor.
func (c *collector) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.IdentifierNode); ok {
		c.all = append(c.all, n.Value)
	}
}

func metricNames() []string {
	out := make([]string, len(metrics))
	for i, m := range metrics {
		out[i] = m.Name
	}
	return out
}

func meant(name string) string {
	if near := channel.Nearest(name, metricNames()); len(near) > 0 {
		return fmt.Sprintf(" (did you mean %s?)", near[0])
	}
	return ""
}
