// Command kakeyad serves language models over the OpenAI API. `kakeyad --help` teaches its use.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// version is set by the linker.
var version = "dev"

func main() {
	if err := newRoot().ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "kakeyad:", err)
		code := 1
		if e := (interface{ ExitCode() int })(nil); errors.As(err, &e) {
			code = e.ExitCode()
		}
		os.Exit(code)
	}
}
