//go:build !unix

package api

import "net"

// watchNow does nothing here: a client that went away is noticed when an event cannot be written.
func watchNow(net.Conn, func()) (stop func()) { return func() {} }
