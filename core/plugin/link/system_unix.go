//go:build unix

package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// greet connects, says hello and returns the connection if the peer lets it in.
func greet(ctx context.Context, address string, h hello, files []*os.File) (_ net.Conn, err error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "unix", address)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", base.ErrPluginGone, err)
	}
	conn := raw.(*net.UnixConn)
	undo := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !undo() && err == nil {
			err = ctx.Err() // the deadline may still be to come
		}
		if err != nil {
			_ = conn.Close()
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return nil, err
	}
	verdict := make([]byte, verdictSize)
	if err := send(conn, h.append(nil), files); err == nil {
		_, err = io.ReadFull(conn, verdict)
		if err != nil {
			return nil, goneOr(ctx, err)
		}
	} else {
		return nil, goneOr(ctx, err)
	}
	if err := verdictError(verdict[0], verdict[1]); err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

func goneOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", base.ErrPluginGone, err)
}

// send writes b and passes the files with it.
func send(conn *net.UnixConn, b []byte, files []*os.File) error {
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	n, _, err := conn.WriteMsgUnix(b, unix.UnixRights(fds...), nil)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// receive fills b and returns the files that came with it, also after an error.
func receive(conn *net.UnixConn, b []byte) ([]*os.File, error) {
	rights := make([]byte, unix.CmsgSpace(4*(MaxLanes+1)))
	n, rn, flags, _, err := conn.ReadMsgUnix(b, rights)
	files := filesOf(rights[:rn])
	switch {
	case err != nil:
		return files, err
	case flags&unix.MSG_CTRUNC != 0:
		return files, errors.New("too many files")
	}
	_, err = io.ReadFull(conn, b[n:])
	return files, err
}

// filesOf takes the descriptors over that came with a message.
func filesOf(rights []byte) []*os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed by the peer"))
		}
	}
	return files
}

// clientLanes makes the lanes of a mapping, and the files of the peer's ends of their bells. Both
// are the caller's, also after an error.
func clientLanes(h hello, mapping []byte) (lanes []*lane, files []*os.File, err error) {
	for i := range h.lanes {
		l := newLane(mapping, i)
		if h.bell == BellFutex {
			l.bell = newFutexBell(l)
			lanes = append(lanes, l)
			continue
		}
		mine, theirs, err := socketPair()
		if err != nil {
			return lanes, files, err
		}
		files = append(files, os.NewFile(uintptr(theirs), "bell"))
		if l.bell, err = newSocketBell(mine); err != nil {
			_ = unix.Close(mine)
			return lanes, files, err
		}
		lanes = append(lanes, l)
	}
	return lanes, files, nil
}

// serverLanes looks at the lanes of a mapping. They are the caller's, also after an error; the
// files stay so.
func serverLanes(h hello, mapping []byte, files []*os.File) (lanes []*lane, err error) {
	for i := range h.lanes {
		l := newLane(mapping, i)
		if h.bell == BellFutex {
			l.bell = newFutexBell(l)
			lanes = append(lanes, l)
			continue
		}
		fd, err := unix.FcntlInt(files[i].Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return lanes, err
		}
		if l.bell, err = newSocketBell(fd); err != nil {
			_ = unix.Close(fd)
			return lanes, err
		}
		lanes = append(lanes, l)
	}
	return lanes, nil
}
