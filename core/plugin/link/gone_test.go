//go:build unix

package link

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// TestServerGone ends the serving side below calls.
func TestServerGone(t *testing.T) {
	eachBell(t, func(t *testing.T, o Options) {
		e := newEcho()
		s := serve(t, e)
		c := connect(t, s, o)
		failed := make(chan error, 3)
		for range 3 { // one waits for a lane
			go func() {
				_, err := ask(t.Context(), c, "block")
				failed <- err
			}()
		}
		<-e.begun
		<-e.begun
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if e.ended.Load() != 1 {
			t.Error("Close did not wait for the service")
		}
		<-c.Gone()
		gone := 0
		for range 3 {
			// A call may have been answered before the link was cut.
			if err := <-failed; errors.Is(err, base.ErrPluginGone) {
				gone++
			} else if err != nil {
				t.Errorf("got %v", err)
			}
		}
		if gone == 0 {
			t.Error("no call noticed")
		}
		if _, err := c.Alloc(1); !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("alloc: %v", err)
		}
		if _, err := Dial(t.Context(), s.Ticket(), o); !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("dial: %v", err)
		}
	})
}

// TestClientGone ends the dialling side below calls.
func TestClientGone(t *testing.T) {
	eachBell(t, func(t *testing.T, o Options) {
		e := newEcho()
		s := serve(t, e)
		c := connect(t, s, o)
		failed := make(chan error, 1)
		go func() {
			_, err := ask(t.Context(), c, "block")
			failed <- err
		}()
		<-e.begun
		var closers sync.WaitGroup
		for range 2 {
			closers.Go(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
		if err := <-failed; !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("got %v", err)
		}
		<-e.closed // its call was cancelled
	})
}

// TestNothingLeft wants descriptors and mappings to be gone with a link, whichever side ends it.
func TestNothingLeft(t *testing.T) {
	if _, err := os.Stat("/proc/self/maps"); err != nil {
		t.Skip("no /proc")
	}
	count := func() (files, mappings int) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds), bytes.Count(maps, []byte("kakeya-link"))
	}
	round := func(o Options, first func(*Server, *Client)) {
		s, err := Listen(ServerOptions{Dir: t.TempDir(), New: func() Service { return newEcho() }})
		if err != nil {
			t.Fatal(err)
		}
		c, err := Dial(t.Context(), s.Ticket(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		first(s, c)
		if err := errors.Join(s.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	}
	eachBell(t, func(t *testing.T, o Options) {
		round(o, func(*Server, *Client) {}) // the runtime's own descriptors are there after it
		files, _ := count()
		for _, first := range []func(*Server, *Client){
			func(s *Server, _ *Client) { _ = s.Close() },
			func(_ *Server, c *Client) { _ = c.Close() },
			func(s *Server, _ *Client) {
				_, _ = Dial(t.Context(), Ticket{s.Ticket().Address, make([]byte, SecretSize)}, o)
			},
		} {
			round(o, first)
		}
		if left, mappings := count(); left > files || mappings > 0 {
			t.Errorf("%d descriptors became %d, %d mappings are left", files, left, mappings)
		}
	})
}
