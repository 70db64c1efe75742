package base

import (
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// exitOrphan is the exit status of a plugin whose host died.
const exitOrphan = 3

// parentPoll is how often the parent is looked at where no signal tells of its death.
const parentPoll = time.Second

// EndWithParent ends the process when its parent dies, and keeps SIGINT and SIGTERM from doing
// so while the parent lives. [Serve] does it; a main that has long work before calls it first. The
// caller stops it, which waits for its goroutine. On Windows a parent's death goes unnoticed.
func EndWithParent(log *slog.Logger) (stop func()) {
	parent := os.Getppid()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // what asks for the signal is the thread, and it must live
		defer runtime.UnlockOSThread()
		signalWhenParentDies()
		tick := time.NewTicker(parentPoll)
		defer tick.Stop()
		for {
			if os.Getppid() != parent {
				log.Warn("host is gone, plugin ends")
				os.Exit(exitOrphan)
			}
			select {
			case <-signals:
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(quit)
		<-done
	}
}
