package link

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func someHello() hello {
	return hello{bell: BellSocket, lanes: 3, memory: 1 << 20, secret: [SecretSize]byte{1, 2, 3}}
}

func TestHello(t *testing.T) {
	good := someHello().append(nil)
	if got, verdict := parseHello(good); verdict != accepted || got != someHello() {
		t.Fatalf("%+v, verdict %d", got, verdict)
	}
	for what, c := range map[string]struct {
		change func([]byte) []byte
		want   byte
	}{
		"magic":     {func(b []byte) []byte { b[0]++; return b }, refusedHello},
		"version":   {func(b []byte) []byte { b[4]++; return b }, refusedVersion},
		"bell":      {func(b []byte) []byte { b[5] = 9; return b }, refusedHello},
		"no lanes":  {func(b []byte) []byte { b[6] = 0; return b }, refusedHello},
		"lanes":     {func(b []byte) []byte { b[7] = 1; return b }, refusedHello},
		"memory":    {func(b []byte) []byte { b[15] = 0xff; return b }, refusedHello},
		"no memory": {func(b []byte) []byte { clear(b[8:16]); return b }, refusedHello},
		"short":     {func(b []byte) []byte { return b[1:] }, refusedHello},
		"empty":     {func([]byte) []byte { return nil }, refusedHello},
	} {
		if _, verdict := parseHello(c.change(bytes.Clone(good))); verdict != c.want {
			t.Errorf("%s: verdict %d, want %d", what, verdict, c.want)
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add(someHello().append(nil))
	f.Add([]byte(helloMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, verdict := parseHello(b)
		if verdict != accepted {
			if verdictError(Version, verdict) == nil {
				t.Fatalf("verdict %d is no error", verdict)
			}
			return
		}
		if !bytes.Equal(h.append(nil), b) {
			t.Fatalf("%x reads as %+v", b, h)
		}
		if h.size() <= 0 || h.files() < 1 || h.files() > 1+MaxLanes {
			t.Fatalf("%+v: %d bytes, %d files", h, h.size(), h.files())
		}
	})
}

func TestVerdicts(t *testing.T) {
	for verdict, want := range map[byte]error{
		refusedSecret: base.ErrInvalid, refusedVersion: base.ErrUnsupported, refusedHello: base.ErrUnsupported,
		refusedMemory: base.ErrUnsupported, 77: base.ErrUnsupported,
	} {
		if err := verdictError(Version, verdict); !errors.Is(err, want) {
			t.Errorf("verdict %d: %v", verdict, err)
		}
	}
	if err := verdictError(Version, accepted); err != nil {
		t.Error(err)
	}
}

func TestTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all tickets
		one, two := [SecretSize]byte(all.issue()), [SecretSize]byte(all.issue())
		if one == two || one == [SecretSize]byte{} {
			t.Fatal("secrets are not secret")
		}
		almost := one
		almost[SecretSize-1] ^= 1
		if all.redeem(almost) || all.redeem([SecretSize]byte{}) {
			t.Error("a secret that nobody has was good")
		}
		if !all.redeem(one) || all.redeem(one) {
			t.Error("a secret is not good exactly once")
		}
		time.Sleep(TicketLife - time.Nanosecond) // the bubble's clock
		three := [SecretSize]byte(all.issue())
		time.Sleep(time.Nanosecond)
		if all.redeem(two) {
			t.Error("a secret that is too old was good")
		}
		if !all.redeem(three) || len(all.open) != 0 {
			t.Errorf("%d tickets are left", len(all.open))
		}
	})
}

func TestPlace(t *testing.T) {
	memory := make([]byte, 100)
	for _, c := range []struct {
		p     Place
		align uint64
		ok    bool
	}{
		{Place{0, 100}, 1, true}, {Place{100, 0}, 1, true}, {Place{4, 8}, 4, true}, {Place{99, 1}, 1, true},
		{Place{0, 101}, 1, false}, {Place{101, 0}, 1, false}, {Place{2, 8}, 4, false}, {Place{99, 2}, 1, false},
		{Place{1<<64 - 1, 2}, 1, false}, {Place{2, 1<<64 - 1}, 1, false}, {Place{1 << 63, 1 << 63}, 1, false},
	} {
		b, ok := c.p.In(memory, c.align)
		if ok != c.ok || ok && uint64(len(b)) != c.p.Length {
			t.Errorf("%+v: %v, %d bytes", c.p, ok, len(b))
		}
	}
}
