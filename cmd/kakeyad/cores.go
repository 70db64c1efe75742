package main

import (
	"os"
	"runtime"
)

// leaveCores has the daemon run on half of the cores that it may use, and leaves the others to the backends, which
// compute while it passes things on. Go wakes a thread for each goroutine that becomes ready while a core is idle, and
// a request readies a dozen, one after the other: on few cores those threads are in the way of the plugin and of the
// client (docs/performance.md). The environment variable GOMAXPROCS says otherwise, for the plugins too.
func leaveCores() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}
