//go:build linux

package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// directly sends a message through a lane without its package and returns the answer.
func directly(d *codec.Direct, message []byte) []byte {
	const head = 64
	word := func(at int) *uint32 { return (*uint32)(unsafe.Pointer(&d.Lane[at])) }
	copy(d.Lane[head:], message)
	atomic.StoreUint32(word(12), uint32(len(message)))
	atomic.StoreUint32(word(0), 1)
	for atomic.LoadUint32(word(0)) != 2 {
		const wake, everyone = 1, 1<<31 - 1
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word(0))), wake, everyone, 0, 0, 0)
		runtime.Gosched()
	}
	return bytes.Clone(d.Lane[head : head+int(atomic.LoadUint32(word(12)))])
}

// TestDirect compares a call through a lane's memory, with the layer put in later, to the stream's.
func TestDirect(t *testing.T) {
	l := connect(t, fake.New(fake.Config{Mode: "int8"}), link.Options{Lanes: 2})
	s := open(t, l)
	d, err := s.(codec.Directed).Direct(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Patience != link.DefaultPatience {
		t.Errorf("patience of %v", d.Patience)
	}
	page := codectest.Page(shape, 2, 1)[2:] // layer 1
	want := codectest.Page(shape, 2, 1)[2:]
	if err := s.RoundTrip(t.Context(), want...); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := d.RoundTrip(nil, page...); ok || err != nil {
		t.Errorf("vectors outside the shared memory: %v, %v", ok, err)
	}
	size := len(page[0].Data)
	memory, err := l.Alloc(2 * size)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Free(memory)
	for i := range page {
		at := memory[i*size : (i+1)*size]
		copy(at, page[i].Data)
		page[i].Data, page[i].Layer = at, 0
	}
	message, ok, err := d.RoundTrip([]byte("x"), page...)
	if !ok || err != nil || message[0] != 'x' {
		t.Fatalf("%q, %v, %v", message, ok, err)
	}
	message = message[1:]
	for i := range page {
		binary.LittleEndian.PutUint32(message[codec.LayerAt(i):], 99)
	}
	if answer := directly(d, message); len(answer) < 2 || answer[0] == link.AnswerOK {
		t.Errorf("a layer that there is not: %q", answer)
	}
	for i := range page {
		binary.LittleEndian.PutUint32(message[codec.LayerAt(i):], 1)
	}
	if answer := directly(d, message); !bytes.Equal(answer, []byte{link.AnswerOK}) {
		t.Fatalf("%q", answer)
	}
	for i := range page {
		if !bytes.Equal(page[i].Data, want[i].Data) {
			t.Errorf("vector %d differs from the stream's", i)
		}
	}

	page[0].Tokens = 7
	if _, _, err := d.RoundTrip(nil, page...); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("vectors of a wrong length: %v", err)
	}
	check(t, s.Close())
	if _, _, err := d.RoundTrip(nil, page...); !errors.Is(err, codec.ErrClosed) {
		t.Errorf("a closed stream: %v", err)
	}
	if err := d.Overdue(); !errors.Is(err, base.ErrHung) || !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("overdue: %v", err)
	}
	if _, err := s.(codec.Directed).Direct(t.Context()); !errors.Is(err, base.ErrPluginGone) {
		t.Errorf("after the end: %v", err)
	}
}
