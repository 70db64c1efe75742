package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Progress is told while a file comes: bytes of all of the model that are there, and of all that there will be
// (0: not known).
type Progress func(done, total int64)

// attempts bounds how often a file whose download breaks off is gone on with at once.
const attempts = 4

// Download puts a model's files into a folder, under the last part of their paths, and returns the path of the
// first. A file that is there already, whole, is kept. What came of a broken download stays as NAME.part and is
// gone on with the next time.
func (c *Client) Download(ctx context.Context, m Model, folder string, progress Progress) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the models folder: %w", err)
	}
	var before int64
	for _, f := range m.Files {
		d := &download{client: c, file: f, path: filepath.Join(folder, path.Base(f.Path)), total: m.Size(), before: before, progress: progress}
		if err := d.run(ctx); err != nil {
			return "", fmt.Errorf("fetch %s: %w", f.Path, err)
		}
		before += d.done
	}
	return filepath.Join(folder, path.Base(m.Files[0].Path)), nil
}

// download is one file on its way.
type download struct {
	client        *Client
	file          File
	path          string
	before, total int64 // bytes of the model's files before this one, and of all
	progress      Progress

	digest hash.Hash
	done   int64 // bytes of this file
}

func (d *download) run(ctx context.Context) error {
	if whole, err := d.isThere(); err != nil || whole {
		return err
	}
	out, err := os.OpenFile(d.path+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	for try := 1; ; try++ {
		before := d.done
		err = d.fetch(ctx, out)
		if err == nil || !errors.Is(err, ErrIncomplete) || ctx.Err() != nil || try >= attempts && d.done == before {
			break
		}
		if d.done > before {
			try = 1
		}
	}
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(d.digest.Sum(nil)); d.file.SHA256 != "" && got != strings.ToLower(d.file.SHA256) {
		return errors.Join(fmt.Errorf("%w: %s in place of %s; nothing was kept, try again", ErrChecksum, got, d.file.SHA256), os.Remove(out.Name()))
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return os.Rename(out.Name(), d.path)
}

// isThere says whether the file is there already. Another file of its name is an error.
func (d *download) isThere() (bool, error) {
	f, err := os.Open(d.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	d.digest = sha256.New()
	if d.done, err = io.Copy(d.digest, f); err != nil {
		return false, err
	}
	same := d.file.SHA256 == "" && (d.file.Size == 0 || d.file.Size == d.done) ||
		d.file.SHA256 != "" && hex.EncodeToString(d.digest.Sum(nil)) == strings.ToLower(d.file.SHA256)
	if !same {
		return false, fmt.Errorf("%s is there and is another file: move it away, or give another --models-dir: %w", d.path, os.ErrExist)
	}
	d.tell()
	return true, nil
}

// fetch asks for what is missing and appends it.
func (d *download) fetch(ctx context.Context, out *os.File) error {
	if err := d.readDone(out); err != nil {
		return err
	}
	if d.file.Size > 0 && d.done == d.file.Size {
		return nil
	}
	header := http.Header{"Accept-Encoding": {"identity"}}
	if d.done > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", d.done))
	}
	resp, err := d.client.get(ctx, d.file.url, header)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return errors.Join(fmt.Errorf("%w: what was kept of it does not fit the file; it begins anew", ErrIncomplete), out.Truncate(0))
	}
	if err := refusal(resp, d.client.Token != ""); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK && d.done > 0 || !startsAt(resp, d.done) {
		if err := d.restart(out); err != nil {
			return err
		}
		if resp.StatusCode == http.StatusPartialContent {
			return fmt.Errorf("%w: the server sent another part than was asked for", ErrIncomplete)
		}
	}
	return d.copy(resp, out)
}

func (d *download) copy(resp *http.Response, out *os.File) error {
	size := d.file.Size
	if size == 0 && resp.ContentLength > 0 {
		size = d.done + resp.ContentLength
		d.total = d.before + size
	}
	buffer := make([]byte, 256<<10)
	for {
		n, err := resp.Body.Read(buffer)
		if n > 0 {
			if _, err := out.Write(buffer[:n]); err != nil {
				return err // such as a full disk
			}
			_, _ = d.digest.Write(buffer[:n]) // never fails
			d.done += int64(n)
			d.tell()
		}
		switch {
		case err == nil && size > 0 && d.done > size:
			return errors.Join(fmt.Errorf("%w: it has more than the %d bytes that the server states", ErrChecksum, size), out.Truncate(0))
		case errors.Is(err, io.EOF) && (size == 0 || d.done == size):
			return nil
		case err != nil:
			return fmt.Errorf("%w after %d of %d bytes: %w; the next attempt goes on from there", ErrIncomplete, d.done, size, err)
		}
	}
}

// startsAt says whether an answer begins at a byte of the file.
func startsAt(resp *http.Response, at int64) bool {
	if resp.StatusCode != http.StatusPartialContent {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Content-Range"), "bytes "), "-")
	n, err := strconv.ParseInt(first, 10, 64)
	return err == nil && n == at
}

// readDone takes in what is there of the file.
func (d *download) readDone(out *os.File) (err error) {
	if _, err = out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d.digest = sha256.New()
	if d.done, err = io.Copy(d.digest, out); err != nil {
		return err
	}
	if d.file.Size > 0 && d.done > d.file.Size {
		return d.restart(out)
	}
	d.tell()
	return nil
}

func (d *download) restart(out *os.File) error {
	d.digest, d.done = sha256.New(), 0
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return out.Truncate(0)
}

func (d *download) tell() {
	if d.progress != nil {
		d.progress(d.before+d.done, d.total)
	}
}
