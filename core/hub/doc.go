// Package hub fetches model files: the GGUF of a repository of Hugging Face, or of any server that speaks its
// paths, and files at plain URLs.
//
// A [Client] lists a repository's model files ([Client.List]), [Choose] picks one, and [Client.Download] puts it
// into a folder: it goes on where an earlier attempt ended, checks the SHA-256 that the hub states, and the file
// appears whole or not at all.
package hub

import "errors"

// Errors of this package. They are wrapped with what was asked for.
var (
	ErrReference  = errors.New("not a model reference")
	ErrNotFound   = errors.New("not found")
	ErrForbidden  = errors.New("not allowed")
	ErrBusy       = errors.New("the server asks to come back later")
	ErrNoModel    = errors.New("no GGUF file")
	ErrAmbiguous  = errors.New("several files fit")
	ErrIncomplete = errors.New("the download broke off")
	ErrChecksum   = errors.New("the file does not have the SHA-256 that the server states")
)
