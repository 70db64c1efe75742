package chat

import "github.com/nikolalohinski/gonja/v2/exec"

// ourTests are tests ("x is y") beside or instead of the engine's.
var ourTests = map[string]exec.TestFunction{
	"true":     is(func(v *exec.Value) bool { return v.IsBool() && v.Bool() }),
	"false":    is(func(v *exec.Value) bool { return v.IsBool() && !v.Bool() }),
	"sequence": is(func(v *exec.Value) bool { return v.IsList() || v.IsString() || v.IsDict() }),
}

func is(test func(v *exec.Value) bool) exec.TestFunction {
	return func(_ *exec.Context, in *exec.Value, _ *exec.VarArgs) (bool, error) { return test(in), nil }
}
