package main

import (
	"errors"
	"log/slog"
	"time"

	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/session"
)

// openSessions opens the store of packed pages; nil when the configuration keeps none. A folder that
// another daemon uses is no reason not to serve: pages are kept in memory alone then.
func openSessions(c config.Sessions, log *slog.Logger) (*session.Store, error) {
	o := session.Options{
		Dir: c.Dir, RAMBytes: int64(c.RAM), DiskBytes: int64(c.Disk),
		TTL: max(0, time.Duration(c.TTL)), Logger: log,
	}
	switch {
	case c.RAM == 0 && c.Disk == 0:
		return nil, nil
	case c.Disk == 0:
		o.Dir = ""
	case c.RAM == 0:
		o.RAMBytes = -1
	}
	store, err := session.Open(o)
	if errors.Is(err, session.ErrInUse) {
		log.Error("another daemon keeps its conversations in this folder: those of this one are kept in memory alone, and end with it. "+
			"Give each daemon a folder of its own by data_dir or sessions.dir", "dir", c.Dir, "error", err)
		o.Dir, o.RAMBytes = "", max(int64(c.RAM), session.DefaultQueue)
		return session.Open(o)
	}
	return store, err
}

func (d *daemon) closeSessions() error {
	if d.sessions == nil {
		return nil
	}
	return d.sessions.Close()
}
