//go:build unix

package link

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

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
		if _, err := ask(t.Context(), c, "block"); !errors.Is(err, base.ErrPluginGone) || !errors.Is(err, base.ErrLied) {
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
