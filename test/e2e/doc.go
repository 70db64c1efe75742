// Package e2e drives the built daemon as its users do: real binaries, real models, real clients (openai-go,
// openai-python, openai for node, anthropic) over HTTP, with a witness between that holds all that passes against
// openapi.yaml. `make test-e2e` builds and installs what it needs and sets KAKEYA_BIN (folder of the binaries),
// KAKEYA_MODELS (folder of the GGUF files), KAKEYA_PYTHON (an interpreter that has the packages of requirements.txt),
// KAKEYA_NODE (node) and KAKEYA_NPM (the folder in which npm installed scenario/package.json).
package e2e
