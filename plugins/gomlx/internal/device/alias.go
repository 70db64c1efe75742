package device

import (
	"fmt"
	"reflect"

	"github.com/gomlx/go-xla/pkg/stablehlo"
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/xla"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// aliasing is the backend that knows the program which is being built, so that its inputs can be told to share memory with
// outputs: donating an input is of no use to XLA without, and GoMLX has no word for it. One program is built at a time.
type aliasing struct {
	*xla.Backend
	building backends.Builder
}

// Builder implements backends.Backend.
func (a *aliasing) Builder(name string) backends.Builder {
	a.building = a.Backend.Builder(name)
	return a.building
}

// alias makes inputs of the program that is being built share memory with the outputs from first on.
func (a *aliasing) alias(inputs []int, first int) error {
	if len(inputs) == 0 {
		return nil
	}
	field := reflect.ValueOf(a.building).Elem().FieldByName("fn") // of GoMLX's builder, whose version go.mod pins
	if !field.IsValid() || field.Type() != reflect.TypeFor[*stablehlo.Function]() {
		return fmt.Errorf("inputs cannot share memory with outputs: this version of GoMLX has another builder: %w", base.ErrUnsupported)
	}
	function := (*stablehlo.Function)(field.UnsafePointer())
	for i, input := range inputs {
		in := function.Inputs[input]
		if in.Attributes == nil {
			in.Attributes = map[string]any{}
		}
		in.Attributes["tf.aliasing_output"] = int32(first + i)
	}
	return nil
}
