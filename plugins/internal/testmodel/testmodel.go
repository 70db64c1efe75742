// Package testmodel finds the models that tests run. A test that needs one fails without it.
package testmodel

import (
	"os"
	"path/filepath"
	"testing"
)

// SmolLM2 is the path of SmolLM2-135M-Instruct: 30 layers, 9 heads of 64, 3 KV heads.
func SmolLM2(tb testing.TB) string { return find(tb, "SmolLM2-135M-Instruct.Q4_1.gguf") }

// Gemma3 is the path of Gemma-3-270M: 18 layers, 4 heads of 256, 1 KV head, and a sliding window
// in most layers.
func Gemma3(tb testing.TB) string { return find(tb, "gemma-3-270m-q4_k_m.gguf") }

func find(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("KAKEYA_MODELS")
	if dir == "" {
		dir = filepath.Join(root(tb), "models")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		tb.Fatalf("%v: run `make models`, or name the folder in KAKEYA_MODELS", err)
	}
	return path
}

// root is the repository's folder.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	tb.Fatal("not inside the repository")
	return ""
}
