//go:build !(js && wasm)

// Command kakeya-codec-wasm is a program for browsers and does nothing elsewhere.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "kakeya-codec-wasm runs in browsers: build it by `make build-codec-page`")
	os.Exit(2)
}
