//go:build !linux || !amd64

package kernels

// Kernel is one of the operations.
type Kernel int

// The operations.
const (
	Attention Kernel = iota
	Product
)

// Exact says whether a token's logits do not depend on what is computed beside it.
func Exact() bool { return false }

// Enable does nothing here: ggml's own kernels compute everything.
func (k Kernel) Enable(bool) {}

// Calls is 0 here.
func (k Kernel) Calls() int64 { return 0 }
