package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Options of a registry.
type Options struct {
	File   string           // that results outlive the daemon in; "": they do not
	Every  time.Duration    // between two writes of what has changed; 0: a minute
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default()
}

// Registry has the experiments that run and what they have come to. Its methods are safe for concurrent
// use. It must be closed.
type Registry struct {
	options Options
	lock    *flock.Flock // of the file; nil: there is none

	mu      sync.Mutex
	running map[string]*experiment
	found   map[string]results // in the file, and not yet asked for by a definition
	changed bool               // since it was written

	stop    context.CancelFunc
	done    chan struct{}
	closing sync.Once
}

// experiment is one that runs.
type experiment struct {
	definition Definition
	results    results
	units      units
}

// Open returns a registry with what the file holds, if there is one. A file that cannot be read is put
// aside under the name with .damaged, and results begin anew. Until Close the file is this registry's: ErrInUse while
// it is another's.
func Open(o Options) (*Registry, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Every = cmp.Or(o.Every, time.Minute)
	r := &Registry{options: o, running: map[string]*experiment{}, found: map[string]results{}, done: make(chan struct{})}
	if o.File != "" {
		var err error
		if r.lock, err = lock(o.File); err != nil {
			return nil, err
		}
	}
	if err := r.load(); err != nil {
		return nil, errors.Join(err, r.unlock())
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go r.keep(ctx)
	return r, nil
}

// Swap makes the definitions those that run. Results of a name whose digest is another begin anew;
// those of names that are gone are lost.
func (r *Registry) Swap(all []Definition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.running
	r.running = make(map[string]*experiment, len(all))
	for _, d := range all {
		e := before[d.Name]
		if kept, ok := r.found[d.Name]; e == nil && ok {
			e = &experiment{definition: d, results: kept}
		}
		switch {
		case e == nil:
			e = r.begin(d)
		case e.results.Digest != d.Digest:
			r.options.Logger.Warn("an experiment compares something else now: its results begin anew", "experiment", d.Name)
			e = r.begin(d)
		}
		e.definition = d
		r.running[d.Name] = e
	}
	for name := range before {
		if r.running[name] == nil {
			r.options.Logger.Info("an experiment has ended; its results are gone", "experiment", name)
		}
	}
	clear(r.found)
	r.changed = true
}

func (r *Registry) begin(d Definition) *experiment {
	return &experiment{definition: d, results: results{Name: d.Name, Digest: d.Digest, Since: r.options.Now()}}
}

// Record takes in a request of an experiment that is defined so. What belongs to none is left out.
func (r *Registry) Record(d Definition, o Observation) {
	r.with(d, func(e *experiment) {
		if o.Unit == "" {
			f := figures{arm: o.Arm, split: d.Split}
			e.results.count(o, &f)
			e.results.close(&f)
			return
		}
		e.results.count(o, e.units.of(o.Unit, o.Arm, d.Split, r.options.Now(), e.results.close))
	})
}

// Answered counts a request of an experiment in whose place B may answer too, unseen.
func (r *Registry) Answered(d Definition, o Observation) {
	r.with(d, func(e *experiment) { e.results.count(o, nil) })
}

// Pair takes in a request that both arms answered.
func (r *Registry) Pair(d Definition, p Pair) {
	r.with(d, func(e *experiment) { e.results.pair(p) })
}

// Lose counts a request that B was to answer and did not.
func (r *Registry) Lose(d Definition, f Fate) {
	r.with(d, func(e *experiment) { e.results.Fates[f]++ })
}

func (r *Registry) with(d Definition, do func(*experiment)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.running[d.Name]; e != nil && e.results.Digest == d.Digest {
		do(e)
		r.changed = true
	}
}

// Reports tells of all experiments, by name.
func (r *Registry) Reports() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Report, 0, len(r.running))
	for _, name := range slices.Sorted(maps.Keys(r.running)) {
		out = append(out, r.report(r.running[name]))
	}
	return out
}

// Report tells of one experiment; ok is false when there is none of that name.
func (r *Registry) Report(name string) (report Report, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.running[name]
	if e == nil {
		return report, false
	}
	return r.report(e), true
}

func (r *Registry) report(e *experiment) Report {
	e.units.expire(r.options.Now(), func(f *figures) {
		e.results.close(f)
		r.changed = true
	})
	return newReport(e)
}

// Reset forgets the results of an experiment, which begins anew. ok is false when there is none of that
// name.
func (r *Registry) Reset(name string) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.running[name]
	if e == nil {
		return false
	}
	r.running[name] = r.begin(e.definition)
	r.changed = true
	return true
}

// keep writes what has changed, now and then.
func (r *Registry) keep(ctx context.Context) {
	defer close(r.done)
	ticker := time.NewTicker(r.options.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.save(); err != nil {
				r.options.Logger.Error("the results of experiments cannot be written", "error", err)
			}
		}
	}
}

// Close ends what is watched, writes the results and lets go of the file. Closing again does nothing.
func (r *Registry) Close() (err error) {
	r.closing.Do(func() { err = r.end() })
	return err
}

func (r *Registry) end() error {
	r.stop()
	<-r.done
	r.mu.Lock()
	for _, e := range r.running {
		e.units.end(e.results.close)
	}
	r.changed = true
	r.mu.Unlock()
	return errors.Join(r.save(), r.unlock())
}

func (r *Registry) unlock() error {
	if r.lock == nil {
		return nil
	}
	return r.lock.Close()
}

// load reads the file.
func (r *Registry) load() error {
	if r.options.File == "" {
		return nil
	}
	data, err := os.ReadFile(r.options.File)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the results of experiments: %w", err)
	}
	all, err := decode(data)
	if err != nil {
		aside := r.options.File + ".damaged"
		r.options.Logger.Error("the results of experiments cannot be read and begin anew; the file is kept aside", "file", aside, "error", err)
		return os.Rename(r.options.File, aside)
	}
	for _, one := range all {
		r.found[one.Name] = one
	}
	return nil
}

// save writes the file, if there is one and something has changed.
func (r *Registry) save() error {
	r.mu.Lock()
	all := make([]results, 0, len(r.running))
	for _, name := range slices.Sorted(maps.Keys(r.running)) {
		all = append(all, r.running[name].results)
	}
	changed := r.changed
	r.changed = false
	r.mu.Unlock()
	if r.options.File == "" || !changed {
		return nil
	}
	err := write(r.options.File, all)
	if err != nil {
		r.mu.Lock()
		r.changed = true
		r.mu.Unlock()
	}
	return err
}
