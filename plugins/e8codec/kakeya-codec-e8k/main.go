// Command kakeya-codec-e8k is the codec plugin e8k: the KV cache as points of the lattice E8, in coordinates
// that were learned of the model. With the argument calibrate it learns them.
package main

import (
	"os"
	"os/signal"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibration"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k"
)

// version is set by the linker.
var version = "dev"

func main() {
	if len(os.Args) == 2 && os.Args[1] == codec.CalibrateCommand {
		signal.Ignore(os.Interrupt)
		if !calibration.Run(os.Stdin, os.Stdout, os.Stderr) {
			os.Exit(1)
		}
		return
	}
	codec.Serve(e8k.New(version), codec.ServeOptions{})
}
