package backendtest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var constraintChecks = []Check{
	{
		Name: "constraint/grammar",
		Doc:  "The answer is in the grammar's language and ends when it is whole, whatever the bytes of its characters.",
		Run:  checkGrammar,
	},
	{
		Name: "constraint/json-schema",
		Doc:  "The answer is JSON that the schema allows.",
		Run:  checkJSONSchema,
	},
	{
		Name: "constraint/invalid",
		Doc:  "A grammar or schema that cannot be read, and both at once, are ErrInvalid.",
		Run:  checkBadConstraint,
	},
	{
		Name: "constraint/unsupported",
		Doc:  "Without the capability a constraint is ErrUnsupported, never ignored.",
		Run:  checkNoConstraint,
	},
}

// constrained is a request whose end the constraint decides.
func (m *model) constrained(c backend.Constraint) backend.GenerateRequest {
	req := m.greedy(200)
	req.Sampling = backend.Sampling{}
	req.Constraint = c
	return req
}

func checkGrammar(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapGrammar); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for grammar, allowed := range map[string][2]string{
		`root ::= "yes, sir" | "no, sir"`: {"yes, sir", "no, sir"},
		`root ::= "🙂 naïve 世界 🙂"`:         {"🙂 naïve 世界 🙂"},
	} {
		a, err := m.ask(ctx, m.constrained(backend.Constraint{Grammar: grammar}))
		if err != nil {
			return err
		}
		if a.text != allowed[0] && a.text != allowed[1] {
			return fmt.Errorf("%s: the answer is %q", grammar, a.text)
		}
		if a.final.Reason != backend.FinishStop {
			return fmt.Errorf("%s: reason %q", grammar, a.final.Reason)
		}
	}
	return nil
}

func checkJSONSchema(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapGrammar); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	const schema = `{
		"type": "object",
		"properties": {
			"kind": {"enum": ["cat", "dog"]},
			"alive": {"type": "boolean"},
			"legs": {"enum": [2, 4]}
		},
		"required": ["kind", "alive", "legs"],
		"additionalProperties": false
	}`
	a, err := m.ask(ctx, m.constrained(backend.Constraint{JSONSchema: schema}))
	if err != nil {
		return err
	}
	var animal map[string]any
	if err := json.Unmarshal([]byte(a.text), &animal); err != nil {
		return fmt.Errorf("%q: %w", a.text, err)
	}
	_, alive := animal["alive"].(bool)
	kind, legs := animal["kind"], animal["legs"]
	if len(animal) != 3 || !alive || kind != "cat" && kind != "dog" || legs != 2.0 && legs != 4.0 {
		return fmt.Errorf("the schema does not allow %q", a.text)
	}
	return nil
}

func checkBadConstraint(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapGrammar); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, c := range []backend.Constraint{
		{Grammar: `no-root ::= "x"`},
		{Grammar: `root := "x"`},
		{JSONSchema: `{"type":`},
		{JSONSchema: `{"type": "animal"}`},
		{Grammar: `root ::= "x"`, JSONSchema: `{}`},
	} {
		_, err := m.ask(ctx, m.constrained(c))
		if wrong := expect(err, base.ErrInvalid, fmt.Sprintf("%+v", c)); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkNoConstraint(ctx context.Context, env *Env) error {
	if env.need(ctx, backend.CapGrammar) == nil {
		return &SkipError{Reason: "the backend honours constraints"}
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, c := range []backend.Constraint{{Grammar: `root ::= "x"`}, {JSONSchema: `{}`}} {
		_, err := m.ask(ctx, m.constrained(c))
		if wrong := expect(err, base.ErrUnsupported, fmt.Sprintf("%+v", c)); wrong != nil {
			return wrong
		}
	}
	return nil
}
