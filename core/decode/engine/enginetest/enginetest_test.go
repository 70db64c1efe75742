package enginetest_test

import (
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
)

func TestFake(t *testing.T) {
	for name, config := range map[string]enginetest.Config{
		"shared cells":   {Limits: engine.Limits{CopyIsFree: true}},
		"copied cells":   {},
		"copies refused": {RefuseCopy: true},
		"cuts refused":   {RefuseRemove: true},
	} {
		config.Limits.Sequences, config.Limits.Cells, config.Limits.Batch = 3, 50, 16
		t.Run(name, func(t *testing.T) {
			enginetest.TestExecutor(t, enginetest.Options{
				New: func(t *testing.T) engine.Executor { return enginetest.NewFake(t, config) },
			})
		})
	}
}
