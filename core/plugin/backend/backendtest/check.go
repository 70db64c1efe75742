// Package backendtest tells whether a backend keeps the contract of package backend.
//
// [Checks] are plain functions, so that a test and a command line can both run them, on an
// implementation in this process (see [Connect]) or on a stranger's binary. An implementation's
// whole test file is:
//
//	func TestConformance(t *testing.T) {
//		connection, err := backendtest.Connect(mine.New(), nil)
//		if err != nil {
//			t.Fatal(err)
//		}
//		defer connection.Close()
//		backendtest.Run(t, &backendtest.Env{Backend: connection, Path: "testdata/model.gguf"})
//	}
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Check is one promise of the contract.
type Check struct {
	Name string // such as "generate/stop-string"
	Doc  string // the promise, in a sentence
	// Run returns nil when the promise is kept, a [SkipError] when it does not apply, and
	// otherwise what is wrong.
	Run func(ctx context.Context, env *Env) error
}

// SkipError says why a check does not apply.
type SkipError struct{ Reason string }

func (e *SkipError) Error() string { return "skipped: " + e.Reason }

// Checks returns all of them, in the order in which they are best run.
func Checks() []Check {
	return slices.Concat(infoChecks, loadChecks, tokenChecks, generateChecks, samplingChecks,
		logprobChecks, limitChecks, concurrencyChecks, constraintChecks, evaluateChecks, statsChecks, pageChecks)
}

// Result is the outcome of one check: Err is nil, a [SkipError] or a failure.
type Result struct {
	Check Check
	Err   error
}

// Skipped returns the reason when the check did not apply.
func (r Result) Skipped() (reason string, ok bool) {
	var skip *SkipError
	if errors.As(r.Err, &skip) {
		return skip.Reason, true
	}
	return "", false
}

// RunAll runs the checks one after another, tells report of each, and unloads what they loaded.
// The error is that of the unloading.
func RunAll(ctx context.Context, env *Env, checks []Check, report func(Result)) error {
	for _, c := range checks {
		report(Result{Check: c, Err: runOne(ctx, env, c)})
	}
	return env.close(ctx)
}

func runOne(ctx context.Context, env *Env, c Check) error {
	ctx, cancel := context.WithTimeout(ctx, env.patience())
	defer cancel()
	err := c.Run(ctx, env)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not done after %v: %w", env.patience(), err)
	}
	return err
}

// Run runs all checks as subtests of t.
func Run(t *testing.T, env *Env) {
	t.Helper()
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			r := Result{Check: c, Err: runOne(t.Context(), env, c)}
			if reason, ok := r.Skipped(); ok {
				t.Skip(reason)
			}
			if r.Err != nil {
				t.Errorf("%s\n%v", c.Doc, r.Err)
			}
		})
	}
	if err := env.close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("unload: %v", err)
	}
	if env.ties > 0 {
		t.Logf("%d comparisons of greedy answers were excused by a near tie", env.ties)
	}
}

// need skips unless the backend announced a capability.
func (e *Env) need(ctx context.Context, c base.Capability) error {
	info, err := e.Backend.Info(ctx)
	if err != nil {
		return err
	}
	if !info.Has(c) {
		return &SkipError{Reason: fmt.Sprintf("the backend does not announce %q", c)}
	}
	return nil
}
