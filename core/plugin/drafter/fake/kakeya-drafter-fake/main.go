// Command kakeya-drafter-fake is the fake drafter as a plugin, for tests of the host. The environment
// variable KAKEYA_FAKE configures it, see package fake.
package main

import (
	"fmt"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/fake"
)

func main() {
	config, err := fake.ConfigFromEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	config.StartBadly()
	drafter.Serve(fake.New(config), drafter.ServeOptions{})
}
