package router

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
)

// Of a model file so much is read at its start, where the metadata are, and in pieces over the rest.
const (
	fingerprintHead   = 1 << 20
	fingerprintPieces = 64
	fingerprintPiece  = 4 << 10
)

// splitFile is the first part of a model in several files.
var splitFile = regexp.MustCompile(`^(.*)-00001-of-(\d{5})\.gguf$`)

// fingerprint names what a model file holds: a digest of its size, the time of its last change, its
// start and a sample of the rest, and the same of the other parts of a model that is split. Its
// name and place do not matter. A whole digest of gigabytes would take longer than loading them.
func fingerprint(path string) (string, error) {
	h := sha256.New()
	parts := []string{path}
	if m := splitFile.FindStringSubmatch(path); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return "", fmt.Errorf("parts of %s: %w", path, err)
		}
		for i := 2; i <= n; i++ {
			parts = append(parts, fmt.Sprintf("%s-%05d-of-%s.gguf", m[1], i, m[2]))
		}
	}
	for _, part := range parts {
		if err := sample(h, part); err != nil {
			return "", fmt.Errorf("fingerprint of the model file: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func sample(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	about := binary.LittleEndian.AppendUint64(nil, uint64(info.Size()))
	about = binary.LittleEndian.AppendUint64(about, uint64(info.ModTime().UnixNano()))
	if _, err := to.Write(about); err != nil {
		return err
	}
	if _, err := io.CopyN(to, f, fingerprintHead); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	step := max((info.Size()-fingerprintHead)/fingerprintPieces, fingerprintPiece)
	for at := int64(fingerprintHead); at < info.Size(); at += step {
		if _, err := io.Copy(to, io.NewSectionReader(f, at, fingerprintPiece)); err != nil {
			return err
		}
	}
	return nil
}
