package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// digest sums what a configuration was read from, to tell whether anything changed.
type digest struct{ sum hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

func (d digest) add(name string, data []byte) {
	fmt.Fprintf(d.sum, "%q %d\n", name, len(data))
	d.sum.Write(data)
}

func (d digest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }
