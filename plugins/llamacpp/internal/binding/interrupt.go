package binding

// #include <stdlib.h>
// #include "interrupt.h"
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Interrupt is a flag that ends a running Decode within one operation. Its methods may be called
// at any time, from anywhere, until Free.
type Interrupt struct {
	c      *C.kakeya_interrupt
	raised atomic.Bool
}

// NewInterrupt returns one that is down.
func NewInterrupt() *Interrupt { return &Interrupt{c: C.kakeya_interrupt_new()} }

// Raise makes Decode fail with ErrInterrupted, the running call or the next ones, until Lower.
func (i *Interrupt) Raise() { i.set(true) }

// Lower takes Raise back.
func (i *Interrupt) Lower() { i.set(false) }

func (i *Interrupt) set(raised bool) {
	if i.raised.Swap(raised) == raised {
		return
	}
	if raised {
		expected.Add(1)
	} else {
		expected.Add(-1)
	}
	C.kakeya_interrupt_set(i.c, C.bool(raised))
}

// Free returns its memory. No Context may have it.
func (i *Interrupt) Free() {
	i.Lower()
	C.free(unsafe.Pointer(i.c))
}
