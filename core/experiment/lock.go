package experiment

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"
)

// ErrInUse says that another registry, of this process or another, has the file of results.
var ErrInUse = errors.New("the results of experiments are in use by another daemon")

// lockSuffix is what the name of the lock's file adds to that of the results, which is replaced by each write and
// so cannot be the lock itself. The file stays.
const lockSuffix = ".lock"

// lock takes the file for this registry alone, until the lock is closed. The system lets go of it with the process.
func lock(file string) (*flock.Flock, error) {
	l := flock.New(file+lockSuffix, flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the results of experiments: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%s: %w", file, ErrInUse)
	}
	return l, nil
}
