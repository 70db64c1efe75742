package dflash

import (
	"context"
	"io"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/net"
)

// attachment is the network at work for one target.
type attachment struct {
	net         *net.Net
	target      drafter.Target
	params      params
	description drafter.Description
	file        io.Closer // of the target; nil: nothing to close

	mu     sync.Mutex // held while computing
	work   net.Workspace
	closed bool
}

func newAttachment(n *net.Net, t drafter.Target, p params) *attachment {
	return &attachment{net: n, target: t, params: p, description: drafter.Description{
		MaxDraft:  n.Block - 1,
		Taps:      n.Taps,
		Confident: true,
		Memory:    n.Bytes() + int64(t.Sessions)*n.StateBytes(t.Context),
	}}
}

func (a *attachment) Describe() drafter.Description { return a.description }

func (a *attachment) Open(context.Context, drafter.SessionOptions) (drafter.Session, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, drafter.ErrClosed
	}
	return &session{of: a, text: drafter.NewText(a.target, a.description)}, nil
}

func (a *attachment) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
