//go:build unix

package link

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// aside makes calls through a lane's memory alone.
type aside struct{ *lane }

func hold(t *testing.T, c *Client) (*Call, aside) {
	t.Helper()
	k, err := c.Begin(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.End)
	mem, err := k.Lane()
	if err != nil {
		t.Fatal(err)
	}
	a := aside{newLane(mem, 0)}
	a.bell = newFutexBell(a.lane)
	return k, a
}

// ask returns the answer. False: the lane was cut.
func (a aside) ask(t *testing.T, message string) (string, bool) {
	t.Helper()
	a.put([]byte(message))
	a.set(laneAsked)
	var cut atomic.Bool // is told by the lane alone
	if !a.await(laneAnswered, &cut, 0, nil) {
		return "", false
	}
	answer, ok := a.take(nil)
	if !ok {
		t.Error("a message of an impossible length")
	}
	return string(answer), true
}

// TestLaneAside makes calls as code does that is not of this package, beside calls that are.
func TestLaneAside(t *testing.T) {
	if !BellFutex.known() {
		t.Skip("no futex here")
	}
	e := newEcho()
	s := serve(t, e)
	c := connect(t, s, Options{Memory: 64, Lanes: 2})
	k, a := hold(t, c)
	for range 3 {
		// The call is not taken for one that was cancelled: its context lives.
		if got, ok := a.ask(t, "alive"); !ok || got != "alive" {
			t.Fatalf("got %q, %v", got, ok)
		}
		if got, err := ask(t.Context(), c, "x"); err != nil || got != "x" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	// The end is written into the lane while a call is under way, and an answer that is late does not hide it.
	done := make(chan bool)
	go func() {
		_, ok := a.ask(t, "deaf")
		done <- ok
	}()
	<-e.begun
	c.cutOff(errors.New("enough"))
	if <-done {
		t.Error("answered")
	}
	close(e.wake)
	<-e.closed
	if _, ok := a.ask(t, "x"); ok {
		t.Error("the lane is in use after the end")
	}
	if _, err := k.Lane(); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("a lane of a link that has ended: %v", err)
	}
}

func TestLaneOverdue(t *testing.T) {
	if !BellFutex.known() {
		t.Skip("no futex here")
	}
	c := connect(t, serve(t, newEcho()), Options{Memory: 64, Lanes: 1})
	k, a := hold(t, c)
	if err := k.Overdue(); !errors.Is(err, base.ErrPluginGone) || !errors.Is(err, base.ErrHung) {
		t.Errorf("got %v", err)
	}
	if _, ok := a.ask(t, "x"); ok {
		t.Error("the lane is in use after the end")
	}
}

func TestLaneUnsupported(t *testing.T) {
	c := connect(t, serve(t, newEcho()), Options{Memory: 64, Lanes: 1, Bell: BellSocket})
	k, err := c.Begin(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer k.End()
	if _, err := k.Lane(); !errors.Is(err, base.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
