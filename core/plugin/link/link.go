// Package link joins two plugins directly: tensors lie in memory that both have mapped, small calls
// go through a private unix socket, and no third process is in between. It knows nothing of what
// is said; the contracts build on it (see core/plugin/codec).
//
// # Introduction
//
// The plugin that serves calls [Listen] and makes a [Ticket] for each peer that the host is to
// introduce: the address of a socket in a folder that only this user can enter, and a secret that
// is good for one connection and for a short time. The peer calls [Dial] with it.
//
// # Memory
//
// The dialling side makes the shared memory without a name and passes it with its hello, so that
// the kernel frees it whoever dies first. The first part of it are lanes, the rest is the arena:
// [Client.Alloc] gives out pieces of it.
//
// # Calls
//
// Rare calls are gRPC on the socket: [Client.Control] on one end, [Service.Register] on the other.
// Frequent ones go through a lane: a message of at most [MaxMessage] bytes is put into it, a bell
// is rung, and the answer comes back in the same place; tensors stay in the arena and the message
// says where. A lane carries one call at a time; a call beyond the lanes waits for one.
//
// # The end
//
// The socket tells either side at once that the other is gone. Calls under way fail with
// base.ErrPluginGone; the serving side cancels theirs.
//
// # Trust
//
// Neither side believes the other: lengths and places are checked against the mapping, and a
// message is copied before it is read. What lies in the arena may change while it is being read.
package link

import (
	"time"
)

// Version of the hello and of the lanes. Peers of different versions refuse each other.
const Version = 1

// MaxMessage is the most bytes of one message in a lane, either way.
const MaxMessage = laneSize - laneHeader

// Limits and defaults.
const (
	DefaultMemory = 256 << 20 // bytes of the arena; only what was touched is real
	MaxMemory     = 1 << 40
	DefaultLanes  = 8
	MaxLanes      = 64

	// SecretSize is the bytes of a secret.
	SecretSize = 32
	// TicketLife is how long a ticket is good that nobody uses.
	TicketLife = time.Minute
	// DefaultGrace is that of Options.
	DefaultGrace = 5 * time.Second
	// DefaultPatience is that of Options.
	DefaultPatience = 30 * time.Second

	helloTime = 5 * time.Second // from the connection to its hello
	maxHellos = 16              // connections that have said none yet
)

// Ticket lets one peer in, once.
type Ticket struct {
	Address string // path of a unix socket
	Secret  []byte
}

// Bell is how one side of a lane wakes the other.
type Bell uint8

// The bells. Not every system has each.
const (
	BellFutex  Bell = 1 // a word of the shared memory: Linux
	BellSocket Bell = 2 // a byte through a socket: all but Windows
)

// String is futex or socket.
func (b Bell) String() string {
	switch b {
	case BellFutex:
		return "futex"
	case BellSocket:
		return "socket"
	}
	return "no bell"
}
