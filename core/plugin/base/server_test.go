package base

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestGuardPanic(t *testing.T) {
	var log bytes.Buffer
	guard := Guard{Errors: NewErrorMap(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	call := func() (err error) {
		defer guard.Call("Generate", &err)
		panic("index out of range")
	}
	err := guard.Errors.Decode(context.Background(), call())
	if err == nil || !strings.Contains(err.Error(), "Generate: panic in plugin: index out of range") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "TestGuardPanic") {
		t.Errorf("no stack in the log: %s", log.String())
	}
}

func TestGuardError(t *testing.T) {
	guard := Guard{Errors: NewErrorMap(), Log: slog.New(slog.DiscardHandler)}
	call := func(with error) (err error) {
		defer guard.Call("Generate", &err)
		return with
	}
	if err := call(nil); err != nil {
		t.Error(err)
	}
	if err := guard.Errors.Decode(context.Background(), call(ErrBusy)); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

func TestInfoCheck(t *testing.T) {
	good := Info{Kind: KindCodec, Name: "c", APIVersion: APIVersion}
	if err := good.Check(KindCodec); err != nil {
		t.Error(err)
	}
	for _, bad := range []Info{{Kind: KindBackend, APIVersion: APIVersion}, {Kind: KindCodec, APIVersion: APIVersion + 1}} {
		if err := bad.Check(KindCodec); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestSelf(t *testing.T) {
	self := NewSelf(Info{Kind: KindCodec, Name: "c", Capabilities: []Capability{"x"}})
	info, err := self.Info(t.Context())
	if err != nil || info.APIVersion != APIVersion || !info.Has("x") || info.Has("y") {
		t.Errorf("%+v, %v", info, err)
	}
	h, err := self.Health(t.Context())
	if err != nil || !h.OK || h.RSS < 1<<20 {
		t.Errorf("%+v, %v", h, err)
	}
}
