package calibrate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/host"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// DefaultWindows are learned from when nothing else is said.
const DefaultWindows = 36

// Text is what is learned from or measured with.
type Text struct {
	Name string
	Body string // UTF-8
}

// Options say what to learn.
type Options struct {
	Channel *channel.Channel // its model and backend; the rest of it does not matter
	Backend func(ctx context.Context, name string) (backend.Backend, error)
	Codec   host.Spec
	Python  string // "": python3
	Threads int    // 0: all

	Texts   []Text
	Windows int // most of all texts together, each of Window tokens

	Measure        []Text // other texts to measure with; none: two windows of Texts are held out
	MeasureWindows int    // of each
	MeasureContext int    // tokens of a window

	Out      string // absolute path of the file to write
	Work     string // a folder to keep what is known so far in; "": one in the cache, removed when all is done
	Progress func(Progress)
}

// Progress is how far a stage is.
type Progress struct {
	Stage     Stage
	Done, All int
}

// Stage is a part of the work.
type Stage string

// The stages, in their order.
const (
	StageTokens  Stage = "tokens"  // the backend tokenizes the texts and scores a window
	StageRead    Stage = "read"    // the codec reads the model
	StageGather  Stage = "gather"  // windows, forwards and back
	StageLearn   Stage = "learn"   // layers
	StageMeasure Stage = "measure" // rates
)

// Report is what there is now.
type Report struct {
	codec.CalibrateResult
	Windows  int    // learned from
	Measured int    // tokens measured with
	Work     string // where what is known so far was kept, if it still is
}

// Run learns. When it fails or ctx ends, what is known so far is kept, and the same options go on from there.
func Run(ctx context.Context, o Options) (*Report, error) {
	o.Progress(Progress{Stage: StageTokens, All: len(o.Texts) + len(o.Measure) + 1})
	request, err := o.request(ctx)
	if err != nil {
		return nil, err
	}
	kept := o.Work != ""
	if request.Work = o.Work; !kept {
		if request.Work, err = o.cached(request); err != nil {
			return nil, err
		}
	}
	result, err := calibrate(ctx, o.Codec, request, o.Progress)
	if err != nil {
		return nil, err
	}
	report := &Report{CalibrateResult: *result, Windows: len(request.Windows), Measured: len(request.Measure) * len(request.Measure[0])}
	if kept {
		report.Work = request.Work
		return report, nil
	}
	return report, os.RemoveAll(request.Work)
}

// cached is a folder of the cache that is the same for the same model, codec and tokens to learn from.
func (o Options) cached(r *codec.CalibrateRequest) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for caches; name a folder by --work: %w", err)
	}
	sum := sha256.New()
	for _, file := range []string{r.Model, o.Codec.Path} {
		info, err := os.Stat(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(sum, file, info.Size(), info.ModTime().UnixNano())
	}
	if err := json.NewEncoder(sum).Encode(r.Windows); err != nil {
		return "", err
	}
	return filepath.Join(dir, "kakeyad", "calibrate", hex.EncodeToString(sum.Sum(nil)[:8])), nil
}

// request has the backend make tokens of the texts.
func (o Options) request(ctx context.Context) (_ *codec.CalibrateRequest, err error) {
	c := o.Channel
	b, err := o.Backend(ctx, c.Backend)
	if err != nil {
		return nil, err
	}
	load := backend.LoadRequest{ID: backend.ModelID("calibrate/" + c.Name), Path: c.Model.Path, Options: c.Load}
	load.Options.Context, load.Options.CacheTokens, load.Options.Parallel, load.Options.Cache = Window, 0, 1, backend.CacheOptions{}
	info, err := b.LoadModel(ctx, load, nil)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", c.Name, err)
	}
	defer func() {
		if e := b.UnloadModel(context.WithoutCancel(ctx), load.ID); e != nil && !errors.Is(e, base.ErrPluginGone) {
			err = errors.Join(err, e)
		}
	}()
	t := tokenizer{Options: o, backend: b, id: load.ID}
	if bos, ok := info.Special["bos"]; ok && info.AddBOS {
		t.first = []backend.Token{bos}
	}
	hold := heldOut
	if len(o.Measure) > 0 {
		hold = 0
	}
	texts, err := t.all(ctx, o.Texts, Window)
	if err != nil {
		return nil, err
	}
	r := &codec.CalibrateRequest{Model: c.Model.Path, Out: o.Out, Python: cmp.Or(o.Python, "python3"), Threads: o.Threads}
	if r.Windows, r.Measure, err = choose(texts, o.Windows, hold); err != nil {
		return nil, err
	}
	if hold == 0 {
		if r.Measure, err = t.measure(ctx); err != nil {
			return nil, err
		}
	}
	r.Check, err = t.check(ctx, r.Windows[0])
	return r, err
}
