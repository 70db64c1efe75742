package session

import "errors"

// Sentinels of the store.
var (
	ErrInvalid  = errors.New("invalid page")
	ErrNoParent = errors.New("the page before it is not stored") // it could never be found
	ErrGone     = errors.New("page gone")                        // dropped since it was looked up
	ErrDamaged  = errors.New("page damaged")                     // and dropped
	ErrInUse    = errors.New("directory in use by another process")
	ErrClosed   = errors.New("page store closed")

	errAbsent = errors.New("absent")           // of a backing: has no such page
	errBroken = errors.New("file is not sane") // of a backing: nothing in it can be trusted
)
