// Command kakeya-codec-ggmlh is the codec plugin ggmlh, for measuring alone: see package peercodec.
package main

import (
	"github.com/kakeyad/kakeyad/bench/peercodec"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

func main() {
	codec.Serve(peercodec.New("ggmlh", peercodec.Hadamard, peercodec.Even), codec.ServeOptions{})
}
