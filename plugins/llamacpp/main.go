package main

import "github.com/ollama/ollama/llama"

func main() { llama.BackendInit() }
