//go:build !linux || !amd64

package kernels

import "unsafe"

// Kernel is one of the operations.
type Kernel int

// The operations.
const (
	Attention Kernel = iota
	Product
	Rows
)

// Exact says whether a token's logits do not depend on what is computed beside it.
func Exact() bool { return false }

// Enable does nothing here: ggml's own kernels compute everything.
func (k Kernel) Enable(bool) {}

// Calls is 0 here.
func (k Kernel) Calls() int64 { return 0 }

// HookRows does nothing here: no node is shown.
func HookRows(_, _ unsafe.Pointer) {}
