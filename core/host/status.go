package host

import (
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
	Error    error     // of the last death, failed start or refusal; nil: none
	Retry    time.Time // of a plugin that is down
	Started  time.Time // of a running one
	Info     base.Info // of the last that ran
	RSS      int64     // resident memory of its process in bytes; 0: unknown
}

// Event is something that happened to a plugin.
type Event struct {
	Plugin string
	Kind   base.Kind
	State  State // that it is in now
	Error  error // why, if it is down or refused
}
