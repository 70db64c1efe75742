//go:build unix

package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers a message with itself, unless it is one of these words.
type echo struct {
	begun  chan struct{} // a token for each call that blocks
	wake   chan struct{} // closed to end what is deaf
	ended  atomic.Int32  // peers gone
	closed chan struct{}
}

func newEcho() *echo {
	return &echo{begun: make(chan struct{}, 100), wake: make(chan struct{}), closed: make(chan struct{}, 100)}
}

func (e *echo) Register(grpc.ServiceRegistrar) {}

func (e *echo) Close() {
	e.ended.Add(1)
	e.closed <- struct{}{}
}

func (e *echo) Call(ctx context.Context, memory, message, reply []byte) []byte {
	switch string(message) {
	case "block":
		e.begun <- struct{}{}
		<-ctx.Done()
		return append(reply, "cancelled"...)
	case "deaf":
		e.begun <- struct{}{}
		<-e.wake
		return reply
	case "alive":
		if ctx.Err() != nil {
			return append(reply, "cancelled"...)
		}
	case "long":
		return append(reply, make([]byte, MaxMessage+1)...)
	case "turn":
		for i, j := 0, len(memory)-1; i < j; i, j = i+1, j-1 {
			memory[i], memory[j] = memory[j], memory[i]
		}
	}
	return append(reply, message...)
}

func serve(t testing.TB, e *echo) *Server {
	t.Helper()
	s, err := Listen(ServerOptions{Dir: t.TempDir(), New: func() Service { return e }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("the folder of the socket is left: %v", err)
		}
	})
	return s
}

func connect(t testing.TB, s *Server, o Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), s.Ticket(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func ask(ctx context.Context, c *Client, message string) (string, error) {
	k, err := c.Begin(ctx, 0)
	if err != nil {
		return "", err
	}
	defer k.End()
	k.Message = append(k.Message, message...)
	err = k.Do(ctx)
	return string(k.Reply), err
}

// eachBell runs a test with every bell that there is.
func eachBell(t *testing.T, test func(t *testing.T, o Options)) {
	for _, b := range []Bell{BellFutex, BellSocket} {
		if b.known() {
			t.Run(b.String(), func(t *testing.T) { test(t, Options{Bell: b, Memory: 1 << 16, Lanes: 2}) })
		}
	}
}

func TestCalls(t *testing.T) {
	eachBell(t, func(t *testing.T, o Options) {
		c := connect(t, serve(t, newEcho()), o)
		var callers sync.WaitGroup
		for i := range 6 { // more than lanes
			callers.Go(func() {
				for n := range 200 {
					want := fmt.Sprintf("caller %d, call %d", i, n)
					if got, err := ask(t.Context(), c, want); err != nil || got != want {
						t.Errorf("got %q, %v, want %q", got, err, want)
						return
					}
				}
			})
		}
		callers.Wait()
		long := string(bytes.Repeat([]byte("x"), MaxMessage))
		if got, err := ask(t.Context(), c, long); err != nil || got != long {
			t.Errorf("the longest message: %d bytes, %v", len(got), err)
		}
		if _, err := ask(t.Context(), c, long+"x"); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("a message too long: %v", err)
		}
	})
}

func TestMemory(t *testing.T) {
	c := connect(t, serve(t, newEcho()), Options{Memory: 256, Lanes: 1})
	a, err := c.Alloc(100)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Alloc(128)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Alloc(1); !errors.Is(err, base.ErrOutOfMemory) {
		t.Errorf("a full arena: %v", err)
	}
	for i := range a {
		a[i] = byte(i)
	}
	if _, err := ask(t.Context(), c, "turn"); err != nil {
		t.Fatal(err)
	}
	if b[127] != 0 || b[126] != 1 || b[28] != 99 {
		t.Errorf("the peer did not see the memory: %v", b)
	}
	for _, x := range []struct {
		b  []byte
		at int
		ok bool
	}{{a, 0, true}, {b[3:7], 131, true}, {nil, 0, false}, {make([]byte, 4), 0, false}, {a[:0], 0, false}} {
		if at, ok := c.Locate(x.b); at != x.at || ok != x.ok {
			t.Errorf("located at %d, %v, want %d, %v", at, ok, x.at, x.ok)
		}
	}
	c.Free(b[:5])
	c.Free(a)
	k, err := c.Begin(t.Context(), 200)
	if err != nil || len(k.Scratch) != 200 || k.ScratchAt%64 != 0 {
		t.Fatalf("%+v, %v", k, err)
	}
	k.End()
	if _, err := c.Begin(t.Context(), 257); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("more scratch than memory: %v", err)
	}
	for _, foreign := range [][]byte{make([]byte, 1), a} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("freed what was not allocated")
				}
			}()
			c.Free(foreign)
		}()
	}
}

func TestCancel(t *testing.T) {
	eachBell(t, func(t *testing.T, o Options) {
		e := newEcho()
		c := connect(t, serve(t, e), o)
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-e.begun
				cancel()
			}()
			if got, err := ask(ctx, c, "block"); err != nil || got != "cancelled" {
				t.Fatalf("got %q, %v", got, err)
			}
			if _, err := ask(ctx, c, "x"); !errors.Is(err, context.Canceled) {
				t.Fatalf("a context that had ended: %v", err)
			}
			if got, err := ask(t.Context(), c, "after"); err != nil || got != "after" {
				t.Fatalf("got %q, %v", got, err)
			}
		}
	})
}

func TestLaneWait(t *testing.T) {
	e := newEcho()
	c := connect(t, serve(t, e), Options{Lanes: 1, Memory: 64})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := ask(ctx, c, "block")
		done <- err
	}()
	<-e.begun
	late, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := ask(late, c, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a lane: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHung(t *testing.T) {
	e := newEcho()
	o := Options{Lanes: 2, Memory: 64, Grace: time.Millisecond}
	s := serve(t, e)
	c := connect(t, s, o)
	defer close(e.wake)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-e.begun
		cancel()
	}()
	if _, err := ask(ctx, c, "deaf"); !errors.Is(err, base.ErrPluginGone) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-c.Gone()
	if _, err := ask(t.Context(), c, "x"); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("after the end: %v", err)
	}
	if got, err := ask(t.Context(), connect(t, s, o), "another link"); err != nil || got != "another link" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	s := serve(t, newEcho())
	o := Options{Memory: 64, Lanes: 1}
	used := s.Ticket()
	c, err := Dial(t.Context(), used, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for what, r := range map[string]struct {
		ctx    context.Context
		ticket Ticket
		o      Options
		want   error
	}{
		"used":    {t.Context(), used, o, base.ErrInvalid},
		"unknown": {t.Context(), Ticket{used.Address, make([]byte, SecretSize)}, o, base.ErrInvalid},
		"short":   {t.Context(), Ticket{used.Address, []byte("x")}, o, base.ErrInvalid},
		"nobody":  {t.Context(), Ticket{used.Address + "x", used.Secret}, o, base.ErrPluginGone},
		"ended":   {ended, s.Ticket(), o, context.Canceled},
		"lanes":   {t.Context(), s.Ticket(), Options{Lanes: MaxLanes + 1}, base.ErrInvalid},
		"memory":  {t.Context(), s.Ticket(), Options{Memory: 1}, base.ErrInvalid},
		"bell":    {t.Context(), s.Ticket(), Options{Bell: 77}, base.ErrUnsupported},
	} {
		if _, err := Dial(r.ctx, r.ticket, r.o); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", what, err, r.want)
		}
	}
	info, err := os.Stat(s.dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
}

// BenchmarkCall is the way there and back, both ends in one process.
func BenchmarkCall(b *testing.B) {
	for _, bell := range []Bell{BellFutex, BellSocket} {
		if !bell.known() {
			continue
		}
		b.Run(bell.String(), func(b *testing.B) {
			c := connect(b, serve(b, newEcho()), Options{Bell: bell, Memory: 64})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ask(b.Context(), c, "x"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
