package gguf

import (
	"errors"
	"io/fs"
)

// Advice says what to do about an error of reading a model file.
func Advice(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file: fetch it, or correct the path"
	case errors.Is(err, ErrTruncated):
		return "the download did not finish: fetch the file again"
	case errors.Is(err, ErrNotGGUF), errors.Is(err, ErrVersion):
		return "GGUF files of version 2 and 3 can be read: convert the model"
	default:
		return "check the file, or fetch it again"
	}
}
