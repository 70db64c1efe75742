package engine

import "errors"

// Sentinels that an [Executor] answers Step with. Callers of the engine never see them, but for an
// executor that has no room for a single request.
var (
	ErrNoCells     = errors.New("no free KV cells")
	ErrInterrupted = errors.New("step interrupted")
)
