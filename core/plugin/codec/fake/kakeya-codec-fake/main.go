// Command kakeya-codec-fake is the fake codec as a plugin, for tests of the host. The environment
// variable KAKEYA_FAKE configures it, see package fake. With "start" it fails before it serves:
// "exit" ends at once, "hang" never answers the handshake.
package main

import (
	"fmt"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
)

func main() {
	config, err := fake.ConfigFromEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !config.StartsBadly() {
		config.Start = ""
	}
	switch config.Start {
	case "exit":
		fmt.Fprintln(os.Stderr, "told to exit")
		os.Exit(1)
	case "hang":
		base.EndWithParent(base.NewLogger(os.Stderr))
		select {}
	default:
		codec.Serve(fake.New(config), codec.ServeOptions{})
	}
}
