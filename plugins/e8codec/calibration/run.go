// Package calibration learns what package calibrated reads: Python scripts that use torch, carried in the binary,
// and what runs them. docs/calibrated.md says what they do; README.md how each is run by hand.
package calibration

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

//go:embed *.py architectures.txt
var scripts embed.FS

// driver is the script that takes a request and writes events.
const driver = "calibrate.py"

// Run carries out the request that the first line of in has, and writes events to out, as
// [codec.CalibrateCommand] says. log gets what Python writes to its standard error. It returns when the work is
// done, has failed, or in has ended; false: it failed, and an event says why, if anyone reads them.
func Run(in io.Reader, out, log io.Writer) bool {
	err := run(in, out, log)
	if err == nil {
		return true
	}
	if !errors.Is(err, errTold) {
		_ = json.NewEncoder(out).Encode(codec.CalibrateEvent{Error: err.Error()})
	}
	return false
}

// errTold is a failure of which the driver has written an event.
var errTold = errors.New("told already")

func run(in io.Reader, out, log io.Writer) error {
	request := bufio.NewReader(in)
	line, err := request.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	var r codec.CalibrateRequest
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	if err := known(r.Model); err != nil {
		return err
	}
	python, err := exec.LookPath(r.Python)
	if err != nil {
		return fmt.Errorf("there is no Python at %q: install Python 3.10 or later with torch, numpy and gguf, or name one by --python", r.Python)
	}
	folder := filepath.Join(r.Work, "scripts")
	if err := unpack(folder); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-B", filepath.Join(folder, driver))
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", python, err)
	}
	go func() { // ends when in does: with the process at the latest, whose main returns when Run has
		_, _ = stdin.Write(line)
		_, _ = io.Copy(io.Discard, request)
		cancel()
	}()
	told, err := pass(events, out)
	if ended := cmd.Wait(); err == nil {
		err = ended
	}
	switch {
	case told:
		return errTold
	case ctx.Err() != nil:
		return errors.New("stopped: who asked is gone")
	case err != nil:
		return fmt.Errorf("%s: %w", driver, err)
	}
	return nil
}

// pass passes events on. told: one of them was an error.
func pass(from io.Reader, to io.Writer) (told bool, err error) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var e codec.CalibrateEvent
		told = told || json.Unmarshal(lines.Bytes(), &e) == nil && e.Error != ""
		if _, err := fmt.Fprintf(to, "%s\n", lines.Bytes()); err != nil {
			return told, err
		}
	}
	return told, lines.Err()
}

// known says whether a model's architecture is one that the scripts compute.
func known(model string) error {
	head, err := gguf.ReadFile(model)
	if err != nil {
		return fmt.Errorf("%s: %w", model, err)
	}
	list := Architectures()
	if !slices.Contains(list, head.Architecture) {
		return fmt.Errorf("%s is of the architecture %s, which cannot be calibrated yet; known are %s", model, head.Architecture, strings.Join(list, ", "))
	}
	return nil
}

// Architectures are those that can be calibrated, as GGUF files call them, sorted.
func Architectures() []string {
	text, err := scripts.ReadFile("architectures.txt")
	if err != nil {
		panic(err) // it is embedded
	}
	return strings.Fields(string(text))
}

// unpack writes the scripts into a folder.
func unpack(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	files, err := scripts.ReadDir(".")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := scripts.ReadFile(f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, f.Name()), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
