//go:build unix

package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// TestStrangers sends what is no hello, or a hello with what does not belong to it.
func TestStrangers(t *testing.T) {
	var log lockedBuffer
	e := newEcho()
	s, err := Listen(ServerOptions{Dir: t.TempDir(), New: func() Service { return e }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file := func(size int64) *os.File {
		f, err := os.CreateTemp(t.TempDir(), "memory")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		return f
	}
	said := func() hello {
		h := hello{bell: BellSocket, lanes: 1, memory: 64}
		copy(h.secret[:], s.Ticket().Secret)
		return h
	}
	memory, err := newMemory(said().size())
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	for what, c := range map[string]struct {
		hello   []byte
		files   []*os.File
		verdict int // -1: no answer
	}{
		"nothing":        {nil, nil, -1},
		"noise":          {bytes.Repeat([]byte("GET / "), 8), nil, refusedHello},
		"no files":       {said().append(nil), nil, refusedHello},
		"no bell":        {said().append(nil), []*os.File{memory}, refusedHello},
		"a file":         {said().append(nil), []*os.File{file(said().size()), file(1)}, refusedMemory},
		"a short file":   {said().append(nil), []*os.File{file(10), file(1)}, refusedMemory},
		"no socket":      {said().append(nil), []*os.File{memory, file(1)}, refusedMemory},
		"many files":     {said().append(nil), []*os.File{memory, memory, memory, memory}, refusedHello},
		"a used version": {append([]byte("KLNK\x63"), make([]byte, helloSize-5)...), nil, refusedVersion},
	} {
		t.Run(what, func(t *testing.T) {
			conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.Ticket().Address, Net: "unix"})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if c.hello == nil {
				if err := conn.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			} else if err := send(conn, c.hello, c.files); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			if c.verdict < 0 && len(answer) != 0 || c.verdict >= 0 && (len(answer) != 2 || int(answer[1]) != c.verdict) {
				t.Errorf("answer %v, want verdict %d", answer, c.verdict)
			}
		})
	}
	if e.ended.Load() != 0 {
		t.Error("a stranger was served")
	}
	if got, err := ask(t.Context(), connect(t, s, Options{Memory: 64}), "x"); err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	if !bytes.Contains(log.Bytes(), []byte("not let in")) {
		t.Errorf("log: %s", log.Bytes())
	}
}

// TestBreaches breaks the rules of lanes. The other side ends the link, or says what is wrong.
func TestBreaches(t *testing.T) {
	e := newEcho()
	s := serve(t, e)
	t.Run("message of the client", func(t *testing.T) {
		c := connect(t, s, Options{Memory: 64, Lanes: 1})
		l := c.all[0]
		atomic.StoreUint32(l.length, MaxMessage+1)
		l.set(laneAsked)
		<-c.Gone()
	})
	t.Run("answer too long", func(t *testing.T) {
		c := connect(t, s, Options{Memory: 64, Lanes: 1})
		if _, err := ask(t.Context(), c, "long"); !errors.Is(err, base.ErrPluginGone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("message of the server", func(t *testing.T) {
		if !BellFutex.known() {
			t.Skip("the bell does not wake who rings it")
		}
		c := connect(t, s, Options{Memory: 64, Lanes: 1, Bell: BellFutex})
		go func() {
			<-e.begun
			atomic.StoreUint32(c.all[0].length, MaxMessage+1)
			c.all[0].set(laneAnswered)
		}()
		if _, err := ask(t.Context(), c, "block"); !errors.Is(err, base.ErrPluginGone) || !errors.Is(err, base.ErrCorrupt) {
			t.Errorf("got %v", err)
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
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
