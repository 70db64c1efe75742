package host

import (
	"errors"
	"maps"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// State of a plugin.
type State string

// States of a plugin.
const (
	StateIdle     State = "idle" // nobody has asked for it yet
	StateStarting State = "starting"
	StateRunning  State = "running"
	StateDown     State = "down"    // waits for its restart
	StateRefused  State = "refused" // is not what it should be
	StateStopped  State = "stopped" // the host has stopped
)

// Status is what the host knows of one plugin.
type Status struct {
	Name     string
	Kind     base.Kind
	Path     string
	State    State
	PID      int       // 0: no process
	Restarts int       // starts after the first
	Ends     Ends      // of its processes, and of starts that failed
	End      End       // the last; "": there was none
	Error    error     // of the last death, failed start or refusal; nil: none
	Retry    time.Time // of a plugin that is down
	Started  time.Time // of a running one
	Info     base.Info // of the last that ran
	RSS      int64     // resident memory of its process in bytes; 0: unknown
}

// End is why a process of a plugin ended, or did not come to run.
type End string

// The ends.
const (
	EndDied    End = "died"    // it exited, or did not start
	EndUnwell  End = "unwell"  // it said so
	EndHung    End = "hung"    // no answer to a health check or to a call
	EndLied    End = "lied"    // it broke its contract
	EndRefused End = "refused" // it is not what it should be
)

// AllEnds are the ends that there are.
var AllEnds = []End{EndDied, EndUnwell, EndHung, EndLied, EndRefused}

// Ends counts ends. It is never changed, only replaced.
type Ends map[End]int

func (e Ends) with(one End) Ends {
	out := maps.Clone(e)
	if out == nil {
		out = Ends{}
	}
	out[one]++
	return out
}

// endOf is what kind of end an error tells of.
func endOf(cause error) End {
	switch {
	case errors.Is(cause, base.ErrUnsupported), errors.Is(cause, ErrChecksum):
		return EndRefused
	case errors.Is(cause, base.ErrLied):
		return EndLied
	case errors.Is(cause, base.ErrHung):
		return EndHung
	case errors.Is(cause, errUnwell):
		return EndUnwell
	}
	return EndDied
}

// Event is something that happened to a plugin.
type Event struct {
	Plugin string
	Kind   base.Kind
	State  State // that it is in now
	Error  error // why, if it is down or refused
}
