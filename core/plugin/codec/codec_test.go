package codec_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var shape = codec.Shape{Layers: 2, KVHeads: 3, HeadDim: 64, Type: codec.F32}

// wired opens a stream of impl behind each wire.
func wired(t *testing.T, impl codec.Codec, o link.Options, test func(t *testing.T, s codec.Stream)) {
	t.Helper()
	t.Run("grpc", func(t *testing.T) {
		c, err := codectest.Connect(impl, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { check(t, c.Close()) })
		test(t, open(t, c))
	})
	t.Run("link", func(t *testing.T) { test(t, open(t, connect(t, impl, o))) })
}

func connect(t *testing.T, impl codec.Codec, o link.Options) *codectest.Linked {
	t.Helper()
	l, err := codectest.Link(t.Context(), impl, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, l.Close()) })
	return l
}

func open(t *testing.T, c codec.Codec) codec.Stream {
	t.Helper()
	s, err := c.Open(t.Context(), shape, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestErrors wants an error's text and what it is to survive both wires.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		config fake.Config
		text   string
	}{
		{fake.Config{Fail: "disk on fire"}, "disk on fire"},
		{fake.Config{Fail: "panic"}, "panic in plugin: told to panic"},
	} {
		wired(t, fake.New(c.config), link.Options{}, func(t *testing.T, s codec.Stream) {
			err := s.RoundTrip(t.Context(), codectest.Page(shape, 1, 1)...)
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte(c.text)) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}

// TestCancel cancels calls that are under way.
func TestCancel(t *testing.T) {
	impl := fake.New(fake.Config{Hang: "call"})
	wired(t, impl, link.Options{}, func(t *testing.T, s codec.Stream) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		page := codectest.Page(shape, 1, 1)
		if err := s.RoundTrip(ctx, page...); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestPeerGone closes the codec's server below calls.
func TestPeerGone(t *testing.T) {
	impl := fake.New(fake.Config{Hang: "call"})
	l := connect(t, impl, link.Options{})
	s := open(t, l)
	failed := make(chan error, 1)
	go func() { failed <- s.RoundTrip(context.WithoutCancel(t.Context()), codectest.Page(shape, 1, 1)...) }()
	check(t, l.Kill())
	if err := <-failed; err == nil {
		t.Error("the call succeeded")
	}
	<-l.Gone()
	if _, err := l.Open(t.Context(), shape, nil); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("open: %v", err)
	}
	if err := s.RoundTrip(t.Context(), codectest.Page(shape, 1, 1)...); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("round trip: %v", err)
	}
	check(t, s.Close())
}

// TestStreamsOfPeers wants a peer's streams to be closed when it is gone, and to be its own.
func TestStreamsOfPeers(t *testing.T) {
	counted := &counter{Codec: fake.New(fake.Config{})}
	server := codec.NewServer(counted, nil)
	defer func() { check(t, server.Close()) }()
	for range 3 {
		ticket, err := server.OpenLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l, err := codec.Dial(t.Context(), ticket, link.Options{Memory: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		counted.open.Add(2)
		open(t, l)
		open(t, l)
		check(t, l.Close())
	}
	counted.open.Wait() // hangs if one is left open
	check(t, server.Close())
	if _, err := server.OpenLink(t.Context()); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("open link after the end: %v", err)
	}
}

type counter struct {
	codec.Codec
	open sync.WaitGroup
}

func (c *counter) Open(ctx context.Context, s codec.Shape, p codec.Params) (codec.Stream, error) {
	stream, err := c.Codec.Open(ctx, s, p)
	return &counted{stream, c}, err
}

type counted struct {
	codec.Stream
	of *counter
}

func (s *counted) Close() error {
	s.of.open.Done()
	return s.Stream.Close()
}

// TestLongFrames encodes into frames that are longer than what they hold and than a link foresees.
func TestLongFrames(t *testing.T) {
	wired(t, fake.New(fake.Config{Lie: fake.LieBytes}), link.Options{Memory: 1 << 20}, func(t *testing.T, s codec.Stream) {
		page := codectest.Page(shape, 40, 1)
		frame, err := s.Encode(t.Context(), []byte("begin"), page...)
		if err != nil || len(frame) < 2*4*len(page)*40*shape.TokenElements() || string(frame[:5]) != "begin" {
			t.Fatalf("%d bytes, %v", len(frame), err)
		}
		check(t, s.Decode(t.Context(), frame[5:], page...))
	})
}

// TestArena has vectors in shared memory, outside of it, and too many of them.
func TestArena(t *testing.T) {
	l := connect(t, fake.New(fake.Config{Mode: fake.ModeInt8}), link.Options{Memory: 128 << 10, Lanes: 4})
	s := open(t, l)
	page := codectest.Page(shape, 4, 1)
	want := codectest.Page(shape, 4, 1)
	check(t, s.RoundTrip(t.Context(), want...))
	data, err := l.Alloc(len(page[1].Data))
	if err != nil {
		t.Fatal(err)
	}
	copy(data, page[1].Data)
	page[1].Data = data
	check(t, s.RoundTrip(t.Context(), page...))
	for i := range page {
		if !bytes.Equal(page[i].Data, want[i].Data) {
			t.Errorf("vectors[%d] differ", i)
		}
	}
	l.Free(data)
	var callers sync.WaitGroup
	for range 8 { // together they need more than there is: they wait for one another
		callers.Go(func() {
			mine := codectest.Page(shape, 20, 1)
			for range 20 {
				check(t, s.RoundTrip(t.Context(), mine...))
			}
		})
	}
	callers.Wait()
	if err := s.RoundTrip(t.Context(), codectest.Page(shape, 100, 1)...); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("more vectors than memory: %v", err)
	}
}

func TestOpenLinkTwice(t *testing.T) {
	c, err := codectest.Connect(fake.New(fake.Config{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, c.Close()) }()
	one, err := c.OpenLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := codec.Dial(t.Context(), one, link.Options{Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, l.Close()) }()
	if _, err := codec.Dial(t.Context(), one, link.Options{Memory: 1 << 20}); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("a ticket twice: %v", err)
	}
	if _, err := codec.NewClient(l.Control()).OpenLink(t.Context()); !errors.Is(err, base.ErrUnsupported) {
		t.Errorf("a link over a link: %v", err)
	}
	info, err := l.Info(t.Context())
	if err != nil || info.Name != "fake" {
		t.Errorf("%+v, %v", info, err)
	}
}
