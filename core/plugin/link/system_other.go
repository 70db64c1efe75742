//go:build !unix

package link

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// There are no links here: no way to pass memory that has no name.

const defaultBell Bell = 0

var errNoLinks = fmt.Errorf("%w on %s", base.ErrUnsupported, runtime.GOOS)

func (Bell) known() bool { return false }

func newMemory(int64) (*os.File, error) { return nil, errNoLinks }

func checkMemory(*os.File) error { return errNoLinks }

func mapMemory(*os.File, int64) ([]byte, error) { return nil, errNoLinks }

func unmapMemory([]byte) {}

func greet(context.Context, string, hello, []*os.File) (net.Conn, error) { return nil, errNoLinks }

func receive(*net.UnixConn, []byte) ([]*os.File, error) { return nil, errNoLinks }

func clientLanes(hello, []byte) ([]*lane, []*os.File, error) { return nil, nil, errNoLinks }

func serverLanes(hello, []byte, []*os.File) ([]*lane, error) { return nil, errNoLinks }
