// Package device runs compiled graphs: through XLA with a PJRT plugin, or in pure Go when there is none.
package device

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/go-xla/pkg/pjrt"
	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/backends/xla"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Device is where graphs run. One is shared by all models of the process that ask for it, and is never closed.
type Device struct {
	backend  backends.Backend
	client   *pjrt.Client // nil: pure Go
	shares   bool         // memory with the host
	path     string
	programs programs
}

type key struct {
	path    string
	threads int
}

var opened = struct {
	sync.Mutex
	devices map[key]*Device
}{devices: map[key]*Device{}}

// Open returns the device of a PJRT plugin, or with "" the one in pure Go, which computes on one thread. threads 0: as
// many as there are CPUs. base.ErrUnsupported: the plugin cannot be used.
func Open(path string, threads int) (*Device, error) {
	opened.Lock()
	defer opened.Unlock()
	k := key{path, threads}
	if d := opened.devices[k]; d != nil {
		return d, nil
	}
	d, err := open(path, threads)
	if err != nil {
		return nil, err
	}
	opened.devices[k] = d
	return d, nil
}

func open(path string, threads int) (*Device, error) {
	if path == "" {
		b, err := simplego.New("parallelism=0") // with one CPU anything else waits for itself forever
		if err != nil {
			return nil, fmt.Errorf("GoMLX in pure Go: %w: %w", base.ErrUnsupported, err)
		}
		return &Device{backend: b}, nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("PJRT plugin: %w: %w (run `make pjrt`, or name the file of another in extra.pjrt or %s)", base.ErrUnsupported, err, EnvPlugin)
	}
	if err := setEnvironment(threads); err != nil {
		return nil, err
	}
	xla.EnableAutoInstall(false)
	gpu := strings.Contains(filepath.Base(path), "cuda")
	var options pjrt.NamedValuesMap
	config := path + ",shared_buffers"
	if gpu {
		options, config = pjrt.NamedValuesMap{"preallocate": false}, path
	}
	b, err := xla.NewWithOptions(config, options)
	if err != nil {
		return nil, fmt.Errorf("PJRT plugin %s: %w: %w", path, base.ErrUnsupported, err)
	}
	probe, err := b.BufferFromFlatData(0, []float32{0}, shapes.Make(dtypes.Float32, 1))
	if err != nil {
		return nil, fmt.Errorf("PJRT plugin %s: %w: %w", path, base.ErrUnsupported, err)
	}
	client := probe.(*pjrt.Buffer).Client()
	if err := b.BufferFinalize(probe); err != nil {
		return nil, err
	}
	return &Device{backend: &aliasing{Backend: b}, client: client, shares: client.Platform() == "cpu", path: path}, nil
}

// setEnvironment tells XLA what it reads when a client is made: the size of its thread pool, and how wide vectors may be.
// It keeps to 256 bits otherwise, which costs a fifth of a small model's speed where there are 512.
func setEnvironment(threads int) error {
	pool := ""
	if threads > 0 {
		pool = strconv.Itoa(threads)
	}
	flags := os.Getenv("XLA_FLAGS")
	if !strings.Contains(flags, "xla_cpu_prefer_vector_width") {
		flags = strings.TrimSpace(flags + " --xla_cpu_prefer_vector_width=512")
	}
	for name, value := range map[string]string{"NPROC": pool, "XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": "2"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// String says what computes.
func (d *Device) String() string {
	if d.client == nil {
		return "pure Go (simplego), slow"
	}
	return "XLA on " + d.client.Platform() + ", " + filepath.Base(d.path)
}

// Shares says whether the host sees the device's memory.
func (d *Device) Shares() bool { return d.client == nil || d.shares }

// Compiles says whether graphs become machine code, of which arrays can be seen in any shape.
func (d *Device) Compiles() bool { return d.client != nil }
