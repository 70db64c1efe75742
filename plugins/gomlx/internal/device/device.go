// Package device runs compiled graphs: through XLA with a PJRT plugin, or in pure Go when there is none.
package device

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/gomlx/go-xla/pkg/pjrt"
	xladtypes "github.com/gomlx/go-xla/pkg/types/dtypes"
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/backends/xla"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Device is where graphs run. One is shared by all models of the process and is never closed.
type Device struct {
	backend backends.Backend
	client  *pjrt.Client // nil: pure Go
	path    string
}

var opened = struct {
	sync.Mutex
	devices map[string]*Device
}{devices: map[string]*Device{}}

// Open returns the device of a PJRT plugin, or with "" the one in pure Go. base.ErrUnsupported: the plugin cannot be
// used, or is for a device whose memory the host does not share.
func Open(path string) (*Device, error) {
	opened.Lock()
	defer opened.Unlock()
	if d := opened.devices[path]; d != nil {
		return d, nil
	}
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	opened.devices[path] = d
	return d, nil
}

func open(path string) (*Device, error) {
	if path == "" {
		b, err := simplego.New("parallelism=0") // with one CPU anything else waits for itself forever
		if err != nil {
			return nil, fmt.Errorf("GoMLX in pure Go: %w: %w", base.ErrUnsupported, err)
		}
		return &Device{backend: b}, nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("PJRT plugin: %w: %w", base.ErrUnsupported, err)
	}
	xla.EnableAutoInstall(false)
	b, err := xla.New(path + ",shared_buffers")
	if err != nil {
		return nil, fmt.Errorf("PJRT plugin %s: %w: %w", path, base.ErrUnsupported, err)
	}
	probe, _, err := b.(*xla.Backend).NewSharedBuffer(0, shapes.Make(dtypes.Float32, 1))
	if err != nil {
		return nil, fmt.Errorf("PJRT plugin %s: %w: its device does not share memory with the host: %w", path, base.ErrUnsupported, err)
	}
	client := probe.(*pjrt.Buffer).Client()
	if err := b.BufferFinalize(probe); err != nil {
		return nil, err
	}
	if platform := client.Platform(); platform != "cpu" {
		return nil, fmt.Errorf("PJRT plugin %s: %w: it is for %s, and this backend has been made to work on CPU only", path, base.ErrUnsupported, platform)
	}
	return &Device{backend: b, client: client, path: path}, nil
}

// String says what computes.
func (d *Device) String() string {
	if d.client == nil {
		return "pure Go (simplego), slow"
	}
	return "XLA on CPU, " + filepath.Base(d.path)
}

// Compiles says whether graphs become machine code.
func (d *Device) Compiles() bool { return d.client != nil }

// Array is memory that both the host and graphs see, zero at first. The owner frees it when no graph uses it.
type Array struct {
	Data   []float32
	device *Device
	memory unsafe.Pointer
	views  map[string]backends.Buffer
}

// NewArray allocates n numbers. base.ErrOutOfMemory.
func (d *Device) NewArray(n int) (*Array, error) {
	a := &Array{device: d, views: map[string]backends.Buffer{}}
	if d.client == nil {
		a.Data = make([]float32, n)
		return a, nil
	}
	if a.memory = pjrt.AlignedAlloc(4*uintptr(max(n, 1)), pjrt.BufferAlignment); a.memory == nil {
		return nil, fmt.Errorf("%d bytes: %w", 4*n, base.ErrOutOfMemory)
	}
	a.Data = unsafe.Slice((*float32)(a.memory), n)
	return a, nil
}

// Bytes is what the array takes.
func (a *Array) Bytes() int64 { return 4 * int64(len(a.Data)) }

// View is the beginning of the array in a shape. In pure Go it is a copy, made anew each time.
func (a *Array) view(dims ...int) (backends.Buffer, error) {
	if a.device.client == nil {
		n := shapes.Make(dtypes.Float32, dims...)
		return a.device.backend.BufferFromFlatData(0, a.Data[:n.Size()], n)
	}
	key := fmt.Sprint(dims)
	if b := a.views[key]; b != nil {
		return b, nil
	}
	b, err := a.device.client.CreateViewOfDeviceBuffer(a.memory, xladtypes.Float32, dims)
	if err != nil {
		return nil, fmt.Errorf("view %v: %w", dims, err)
	}
	a.views[key] = b
	return b, nil
}

// Free gives the memory back.
func (a *Array) Free() {
	for _, b := range a.views {
		_ = a.device.backend.BufferFinalize(b) // only the view goes
	}
	a.views = nil
	if a.memory != nil {
		pjrt.AlignedFree(a.memory)
		a.memory = nil
	}
	a.Data = nil
}
