package service

import (
	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

// model is what one is made of.
type model struct {
	info    backend.ModelInfo
	ranks   bool      // its one output is a score, not a vector
	codec   *kv.Codec // nil: none is bound
	weights *binding.Model
	vocab   *vocab.Vocabulary
	exec    *executor.Executor
	engine  *engine.Engine

	attached *engine.Attached // nil: no drafter
}

// free gives back what the model took. It is called once, when its engine has ended.
func (m *model) free() {
	if m.attached != nil {
		_ = m.attached.Close() // a drafter that is gone has nothing to free
	}
	if m.exec != nil {
		m.exec.Close()
	}
	if m.vocab != nil {
		m.vocab.Close()
	}
	if m.weights != nil {
		m.weights.Free()
		binding.ReleaseMemory()
	}
	if m.codec != nil {
		_ = m.codec.Close() // there is nothing left to do for it
	}
}
