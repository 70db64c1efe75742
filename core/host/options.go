package host

import (
	"log/slog"
	"time"
)

// Options of a host. The zero value of a field means what its comment says.
type Options struct {
	Dir     string // folder of plugin binaries; "": none
	Plugins []Spec // beside those in Dir; one of the same kind and name replaces that of Dir

	StartTimeout   time.Duration // from start to an answer; 0: 30 s
	StopTimeout    time.Duration // from asking it to stop to killing it; 0: 10 s
	HealthInterval time.Duration // between checks; 0: 10 s
	HealthTimeout  time.Duration // a check that takes longer is a hang; 0: 10 s
	RestartMin     time.Duration // delay before the second restart in a row; 0: 250 ms
	RestartMax     time.Duration // longest delay; 0: 30 s
	StableAfter    time.Duration // of running, after which deaths are counted anew; 0: 1 min
	RestartWait    time.Duration // how long a request waits for a restart rather than fail; 0: 5 s

	TempDir string       // where the folder of sockets is made; "": the system's
	Logger  *slog.Logger // nil: slog.Default()
	OnEvent func(Event)  // called from the plugin's goroutine: must not block; nil: none
}

func (o *Options) fill() {
	for field, value := range map[*time.Duration]time.Duration{
		&o.StartTimeout:   30 * time.Second,
		&o.StopTimeout:    10 * time.Second,
		&o.HealthInterval: 10 * time.Second,
		&o.HealthTimeout:  10 * time.Second,
		&o.RestartMin:     250 * time.Millisecond,
		&o.RestartMax:     30 * time.Second,
		&o.StableAfter:    time.Minute,
		&o.RestartWait:    5 * time.Second,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
}
