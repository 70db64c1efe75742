package backend

import (
	"fmt"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// checkText refuses what the wire cannot carry, and names the field.
func checkText(field, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s: %w: not valid UTF-8", field, base.ErrInvalid)
	}
	return nil
}

func checkGenerateText(r GenerateRequest) error {
	if err := checkText("scope", r.Scope); err != nil {
		return err
	}
	if err := checkText("prompt", r.Prompt.Text); err != nil {
		return err
	}
	for i, s := range r.Stop {
		if err := checkText(fmt.Sprintf("stop[%d]", i), s); err != nil {
			return err
		}
	}
	if err := checkText("grammar", r.Constraint.Grammar); err != nil {
		return err
	}
	return checkText("json_schema", r.Constraint.JSONSchema)
}
