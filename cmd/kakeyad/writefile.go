package main

import (
	"errors"
	"io"
	"os"
)

// writeTo makes a file of what write writes.
func writeTo(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
