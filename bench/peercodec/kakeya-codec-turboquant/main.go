// Command kakeya-codec-turboquant is the codec plugin turboquant, for measuring alone: see package peercodec.
package main

import (
	"github.com/kakeyad/kakeyad/bench/peercodec"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

func main() {
	codec.Serve(peercodec.New("turboquant", peercodec.Hadamard, peercodec.LloydMax), codec.ServeOptions{})
}
