//go:build !linux || !amd64

package attention

// Enable does nothing here: ggml's own kernel computes everything.
func Enable(bool) {}

// Calls is 0 here.
func Calls() int64 { return 0 }
