package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

const (
	echoCommand = "echo" // what this binary is told, to be the other process
	echoSize    = 256    // bytes there, and back: about what a request and its answer have
)

// echo is a process that sends back what it is sent, and a connection to it.
type echo struct {
	cmd  *exec.Cmd
	in   io.Closer // the process ends when it is closed
	conn net.Conn
	buf  [echoSize]byte
}

func startEcho() (*echo, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	e := &echo{cmd: exec.Command(self, echoCommand)}
	e.cmd.Stderr = os.Stderr
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		e.conn, err = net.Dial("tcp", strings.TrimSpace(address))
	}
	if err != nil {
		e.stop()
		return nil, fmt.Errorf("echo: %w", err)
	}
	return e, nil
}

func (e *echo) ping() error {
	if _, err := e.conn.Write(e.buf[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(e.conn, e.buf[:])
	return err
}

func (e *echo) stop() {
	if e.conn != nil {
		e.conn.Close()
	}
	e.in.Close()
	_ = e.cmd.Wait()
}

// serveEcho is the other process. Like the daemon it runs on half of the cores.
func serveEcho() error {
	runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		l.Close()
		os.Exit(0)
	}()
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	var buf [echoSize]byte
	for {
		if _, err := io.ReadFull(conn, buf[:]); err != nil {
			return nil
		}
		if _, err := conn.Write(buf[:]); err != nil {
			return err
		}
	}
}
