package executor

import "github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"

const (
	maxChunk   = 256 // tokens of one run of the programs
	maxOutputs = 16  // rows of one run of the head's program
	blockSteps = 2   // each size of the cache's view is so many times the one before
)

// tokenBuckets are the numbers of tokens that programs are compiled for: close to each other where steps of requests that
// generate are, farther apart for prompts.
func tokenBuckets(batch int) (out []int) {
	most := min(batch, maxChunk)
	for _, n := range []int{1, 2, 4, 8, 16, 64} {
		if n < most {
			out = append(out, n)
		}
	}
	return append(out, most)
}

// blockBuckets are the numbers of blocks of the cache that programs are compiled for. Without views there is only the
// whole.
func blockBuckets(cells int, views bool) []int {
	all := cells / net.Block
	var out []int
	for n := 1; views && n < all; n *= blockSteps {
		out = append(out, n)
	}
	return append(out, all)
}

// bucket is the smallest that holds n, else the largest, and its place.
func bucket(buckets []int, n int) (place, size int) {
	for place, size = range buckets {
		if size >= n {
			break
		}
	}
	return place, size
}
