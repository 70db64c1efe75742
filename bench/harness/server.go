package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Server is a started server process.
type Server struct {
	URL    string
	cmd    *exec.Cmd
	log    *os.File // what it writes: a file, so that nothing of ours has to read along
	exited chan error
	dir    string
}

// StartKakeyad starts bin/kakeyad with a config on a free port and waits until it is ready.
func StartKakeyad(ctx context.Context, bin, models, config string, plugins ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "kakeyad-bench-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "kakeyad.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "kakeyad"), append([]string{"serve", "--config", path, "--listen", addr}, plugins...)...)
	cmd.Env = append(os.Environ(), "KAKEYAD_MODELS_DIR="+models, "KAKEYAD_DATA_DIR="+filepath.Join(dir, "data"))
	return launch(ctx, cmd, "http://"+addr, "/readyz", dir)
}

// StartLlamaServer starts the peer with a model and waits until it is ready.
func StartLlamaServer(ctx context.Context, bin, model string, threads, parallel, contextSize int) (*Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(filepath.Join(bin, "llama-server"), "--model", model, "--host", "127.0.0.1", "--port", port,
		"--threads", strconv.Itoa(threads), "--parallel", strconv.Itoa(parallel), "--ctx-size", strconv.Itoa(contextSize),
		// Without repacking, for which neither type of this model has a layout on amd64: its AMX code crashes in virtual machines.
		"--kv-unified", "--no-webui", "--no-repack")
	return launch(ctx, cmd, "http://"+addr, "/health", "")
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func launch(ctx context.Context, cmd *exec.Cmd, url, health, dir string) (*Server, error) {
	log, err := os.CreateTemp(dir, "kakeyad-bench-*.log")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: url, cmd: cmd, log: log, exited: make(chan error, 1), dir: dir}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, s.removeFiles())
	}
	go func() { s.exited <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		if resp, err := http.Get(url + health); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		select {
		case err := <-s.exited:
			text, _ := os.ReadFile(log.Name())
			return nil, errors.Join(fmt.Errorf("%s ended: %w\n%s", cmd.Path, err, text), s.removeFiles())
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is not ready", cmd.Path), s.Stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the process and waits for it.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	var err error
	select {
	case err = <-s.exited:
	case <-time.After(30 * time.Second):
		err = errors.Join(errors.New("did not stop on SIGTERM"), s.cmd.Process.Kill())
	}
	return errors.Join(err, s.removeFiles())
}

func (s *Server) removeFiles() error {
	err := errors.Join(s.log.Close(), os.Remove(s.log.Name()))
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// ResidentBytes is the resident memory of the process and all below it, from /proc; 0 where there is none.
func (s *Server) ResidentBytes() int64 {
	return residentBytes(s.cmd.Process.Pid)
}

func residentBytes(pid int) int64 {
	var total int64
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				total += kib << 10
			}
		}
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		for field := range strings.FieldsSeq(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				total += residentBytes(child)
			}
		}
	}
	return total
}
