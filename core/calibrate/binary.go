package calibrate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// patience is how long a codec may take to end that was asked to.
const patience = 5 * time.Second

// maxLine is the longest line of JSON that is taken from a codec.
const maxLine = 1 << 20

// calibrate runs the codec's command. It ends with ctx.
func calibrate(ctx context.Context, b host.Spec, r *codec.CalibrateRequest, progress func(Progress)) (*codec.CalibrateResult, error) {
	cmd, err := b.Command(codec.CalibrateCommand)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("codec %s: %w: %w", b.Name, base.ErrPluginGone, err)
	}
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() { // ends the codec with ctx
		defer close(watched)
		select {
		case <-ctx.Done():
			_ = in.Close()
		case <-ended:
			return
		}
		select {
		case <-time.After(patience):
			_ = cmd.Process.Kill()
		case <-ended:
		}
	}()
	_, writeErr := in.Write(append(line, '\n')) // a codec that has ended says why itself
	result, err := follow(out, progress)
	_, _ = io.Copy(io.Discard, out)
	exit := cmd.Wait()
	close(ended)
	<-watched
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, explain(b.Name, err, complaints.String())
	case result == nil:
		return nil, explain(b.Name, errors.Join(base.ErrPluginGone, exit, writeErr), complaints.String())
	}
	return result, nil
}

// explain adds the last that was said on the standard error.
func explain(name string, err error, complaints string) error {
	const most = 20
	lines := strings.Split(strings.TrimSpace(complaints), "\n")
	if complaints = strings.Join(lines[max(0, len(lines)-most):], "\n"); complaints != "" {
		return fmt.Errorf("codec %s: %w\n%s", name, err, complaints)
	}
	return fmt.Errorf("codec %s: %w", name, err)
}

// follow reads events until there is a result, which is nil when none came.
func follow(out io.Reader, progress func(Progress)) (*codec.CalibrateResult, error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e codec.CalibrateEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("%w: it said %.100q, which is no event", base.ErrCorrupt, lines.Text())
		}
		switch {
		case e.Error != "":
			return nil, errors.New(e.Error)
		case e.Result != nil:
			return e.Result, nil
		}
		progress(Progress{Stage: Stage(e.Stage), Done: e.Done, All: e.All})
	}
	return nil, lines.Err()
}
