// Command kakeya-codec-ggml is the codec plugin ggml, for measuring alone: see package peercodec.
package main

import (
	"github.com/kakeyad/kakeyad/bench/peercodec"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

func main() { codec.Serve(peercodec.New("ggml", peercodec.None, peercodec.Even), codec.ServeOptions{}) }
