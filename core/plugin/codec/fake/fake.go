// Package fake is a codec for tests: simple, exact in what it promises, and able to break any of
// its promises when told to. Mode none keeps vectors as they are, bit for bit, in the format that
// they come in. Mode int8 keeps a scale for each vector and 8-bit integers, and has an affine form.
package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Modes of packing.
const (
	ModeNone = "none"
	ModeInt8 = "int8"
)

// Codec is the fake.
type Codec struct {
	*base.Self
	config Config
	calls  atomic.Int64 // of streams
	drag   drag
	wake   chan struct{}
	once   sync.Once
}

// New makes a fake.
func New(c Config) *Codec {
	return &Codec{
		Self: base.NewSelf(base.Info{
			Kind:         base.KindCodec,
			Name:         "fake",
			Version:      "1.0.0",
			Capabilities: []base.Capability{codec.CapAffine},
			Description:  "keeps vectors as they are, or as 8-bit integers, for tests",
		}),
		config: c,
		wake:   make(chan struct{}),
	}
}

// Calls is how many calls of streams have begun.
func (c *Codec) Calls() int { return int(c.calls.Load()) }

// Wake ends what hangs deaf, now and later.
func (c *Codec) Wake() { c.once.Do(func() { close(c.wake) }) }

// Health implements [base.Plugin].
func (c *Codec) Health(ctx context.Context) (base.Health, error) {
	switch c.config.Health {
	case "bad":
		return base.Health{Message: "told to feel bad"}, nil
	case "hang":
		<-ctx.Done()
		return base.Health{}, context.Cause(ctx)
	}
	return c.Self.Health(ctx)
}

// Open implements [codec.Codec]. Its parameters are mode, and q, which changes nothing.
func (c *Codec) Open(ctx context.Context, shape codec.Shape, params codec.Params) (codec.Stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &stream{codec: c, lie: c.config.Lie, shape: shape, mode: c.config.Mode}
	if s.mode == "" {
		s.mode = ModeNone
	}
	for key, value := range params {
		switch {
		case key == "mode":
			s.mode = value
		case key == "q":
			if n, err := strconv.Atoi(value); err != nil || n < 1 {
				return nil, fmt.Errorf("q: %w: %q is no whole number from 1", base.ErrInvalid, value)
			}
		case s.lie != LieParams:
			return nil, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
	}
	if s.mode != ModeNone && s.mode != ModeInt8 {
		return nil, fmt.Errorf("mode: %w: %q is not %s or %s", base.ErrInvalid, s.mode, ModeNone, ModeInt8)
	}
	return s, nil
}

// stream is an open one.
type stream struct {
	codec  *Codec
	lie    Lie
	shape  codec.Shape
	mode   string
	frames atomic.Int64

	use    sync.RWMutex // held for writing by Close
	closed bool
}

// begin lets a call in, unless a misfortune is due. The caller ends it.
func (s *stream) begin(ctx context.Context) (end func(), err error) {
	s.use.RLock()
	defer func() {
		if end == nil { // also after a panic
			s.use.RUnlock()
		}
	}()
	if s.closed && s.lie != LieClosed {
		return nil, codec.ErrClosed
	}
	if err := s.codec.misfortune(ctx, s.lie == LieCancel); err != nil {
		return nil, err
	}
	return s.use.RUnlock, nil
}

// Close implements [codec.Stream].
func (s *stream) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	s.closed = true
	return nil
}

// misfortune does to a call what the configuration tells.
func (c *Codec) misfortune(ctx context.Context, ignore bool) error {
	n := c.calls.Add(1) - 1
	if d := time.Duration(c.config.Delay); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	c.drag.pull(c.config.Slower)
	if err := ctx.Err(); err != nil && !ignore {
		return err
	}
	if n < int64(c.config.After) || c.config.Hang == "" && c.config.Die == "" && c.config.Fail == "" || !first(c.config.Once) {
		return nil
	}
	switch {
	case c.config.Die != "":
		c.die()
	case c.config.Fail == "panic":
		panic("told to panic")
	case c.config.Fail != "":
		return errors.New(c.config.Fail)
	case c.config.Hang == "deaf":
		<-c.wake
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// die ends the process. With an exit of the test's own it returns, and the call hangs.
func (c *Codec) die() {
	switch {
	case c.config.Exit != nil:
		c.config.Exit()
	case c.config.Die == "kill":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	default:
		os.Exit(1)
	}
}

// int8Error is what 8 bits lose of a vector of normal numbers at most, in proportion: a step's
// twelfth for the square of the largest of some hundred.
const int8Error = 2e-4

// Describe implements [codec.Stream].
func (s *stream) Describe() codec.Description {
	d := codec.Description{
		Format: fmt.Sprintf("fake/1 %s", s.mode),
		Params: maps.Clone(codec.Params{"mode": s.mode}),
	}
	page := 2 * s.shape.Layers * pageTokens * s.shape.TokenElements()
	d.Bits = 8 * float64(s.frameBytes(2*s.shape.Layers, pageTokens)) / float64(page)
	if s.mode == ModeInt8 {
		d.ErrorBound = int8Error + formatError(s.shape.Type)
		d.Affine = &codec.Affine{Denominator: 1, Min: -127, Max: 127}
	}
	switch s.lie {
	case LieDescribe:
		d.Params["mode"] = map[string]string{ModeNone: ModeInt8, ModeInt8: ModeNone}[s.mode]
	case LieBound:
		d.ErrorBound /= 100
	}
	return d
}

const pageTokens = 64

// formatError is what rounding to a number format loses at most.
func formatError(t codec.DType) float64 {
	if t == codec.BF16 {
		return 1e-5
	}
	return 1e-7
}
