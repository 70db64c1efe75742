package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Model files that `make models` fetches.
const (
	smollm2File = "SmolLM2-135M-Instruct.Q4_1.gguf"
	gemma3File  = "gemma-3-270m-q4_k_m.gguf"
)

// env holds what the Makefile hands over.
var env struct{ bin, models, python, node, nodePackages string }

func TestMain(m *testing.M) {
	for name, target := range map[string]*string{
		"KAKEYA_BIN":    &env.bin,
		"KAKEYA_MODELS": &env.models,
		"KAKEYA_PYTHON": &env.python,
		"KAKEYA_NODE":   &env.node,
		"KAKEYA_NPM":    &env.nodePackages,
	} {
		if *target = os.Getenv(name); *target == "" {
			fmt.Fprintf(os.Stderr, "e2e: %s is not set; run these tests by `make test-e2e`\n", name)
			os.Exit(2)
		}
	}
	for _, path := range []string{
		filepath.Join(env.bin, "kakeyad"),
		filepath.Join(env.bin, "kakeya-backend-llamacpp"),
		filepath.Join(env.models, smollm2File),
		filepath.Join(env.models, gemma3File),
		env.python,
		env.node,
		filepath.Join(env.nodePackages, "node_modules", "openai"),
	} {
		if _, err := os.Stat(path); err != nil {
			fmt.Fprintf(os.Stderr, "e2e: %v; run these tests by `make test-e2e`\n", err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}
