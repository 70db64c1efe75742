package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errParentGone is why a daemon that was told to ends with its parent.
var errParentGone = errors.New("standard input has ended: the program that started this daemon is gone")

// withParent is a context that also ends, with errParentGone, when in does: the parent holds the other end of a
// pipe and neither writes nor closes it while it lives, and every system closes it with the parent however that
// dies. The reading goes on as long as in is open, at most until the process ends.
//
// The parent often reads the log too, and it has to be possible to stop in order after that pipe has broken: a
// write to it fails then, and kills no more.
func withParent(ctx context.Context, in io.Reader) context.Context {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in) // an error is an end too
		cancel(errParentGone)
	}()
	return ctx
}

// parentGone says whether that is why a context ended.
func parentGone(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errParentGone) }
