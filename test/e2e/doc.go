// Package e2e drives the built daemon as its users do: real binaries, real models, real clients
// (openai-go and openai-python) over HTTP. `make test-e2e` builds what it needs and sets
// KAKEYA_BIN (folder of the binaries), KAKEYA_MODELS (folder of the GGUF files) and
// KAKEYA_PYTHON (an interpreter that has the openai package).
package e2e
