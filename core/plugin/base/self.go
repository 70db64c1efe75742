package base

import (
	"context"
	"time"
)

// Self is a [Plugin] for implementations to embed: it answers Info as given, and Health with the
// process's age and memory, always OK.
type Self struct {
	info    Info
	started time.Time
}

// NewSelf fills in the API version that it is built for.
func NewSelf(info Info) *Self {
	info.APIVersion = APIVersion
	return &Self{info: info, started: time.Now()}
}

// Info implements [Plugin].
func (s *Self) Info(context.Context) (Info, error) { return s.info, nil }

// Health implements [Plugin].
func (s *Self) Health(context.Context) (Health, error) {
	return Health{OK: true, Uptime: time.Since(s.started), RSS: residentMemory()}, nil
}
