package service

import (
	"context"
	"sync"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kv"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/vocab"
)

// model is a loaded one.
type model struct {
	info    backend.ModelInfo
	ranks   bool      // its one output is a score, not a vector
	codec   *kv.Codec // nil: none is bound
	weights *binding.Model
	vocab   *vocab.Vocabulary
	exec    *executor.Executor
	engine  *engine.Engine

	attached *engine.Attached // nil: no drafter
	freed    sync.Once
}

// close ends all requests and frees the model, unless ctx ends while a step is still running; it
// may be called again. What requests still have to say they take from Go's memory.
func (m *model) close(ctx context.Context) error {
	if err := m.engine.Close(ctx); err != nil {
		return err
	}
	m.freed.Do(m.free)
	return nil
}

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
