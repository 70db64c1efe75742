package experiment

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
)

// The file is 8 bytes of magic, of which the last says the version, the length of what follows as 4
// bytes and the CRC-32C of magic, length and what follows as 4 bytes, little endian; then the results in
// JSON.
const (
	magic     = "kkexper\x01"
	headBytes = len(magic) + 8
	maxFile   = 64 << 20
)

// ErrFile says that the file of results is none, of another version, or damaged.
var ErrFile = errors.New("no file of results")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(all []results) ([]byte, error) {
	body, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	out := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(body)))
	sum := crc32.Update(crc32.Checksum(out, castagnoli), castagnoli, body)
	return append(binary.LittleEndian.AppendUint32(out, sum), body...), nil
}

func decode(data []byte) ([]results, error) {
	bad := func(why string) ([]results, error) { return nil, fmt.Errorf("%w: %s", ErrFile, why) }
	switch {
	case len(data) < headBytes:
		return bad("it is too short")
	case len(data) > maxFile:
		return bad("it is too long")
	case string(data[:len(magic)-1]) != magic[:len(magic)-1]:
		return bad("it begins otherwise")
	case data[len(magic)-1] != magic[len(magic)-1]:
		return bad(fmt.Sprintf("its version is %d, this program reads %d", data[len(magic)-1], magic[len(magic)-1]))
	}
	head, body := data[:len(magic)+4], data[headBytes:]
	if n := binary.LittleEndian.Uint32(head[len(magic):]); int(n) != len(body) {
		return bad(fmt.Sprintf("%d bytes where %d are announced", len(body), n))
	}
	if crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, body) != binary.LittleEndian.Uint32(data[len(head):]) {
		return bad("the checksum is another")
	}
	var all []results
	if err := json.Unmarshal(body, &all); err != nil {
		return bad(err.Error())
	}
	for i := range all {
		if !all[i].sound() {
			return bad(fmt.Sprintf("the figures of %q cannot be", all[i].Name))
		}
	}
	return all, nil
}

// sound says whether the figures can be what observations come to.
func (r *results) sound() bool {
	ok := true
	for _, m := range []Mean{
		r.Pairs.Prefill, r.Pairs.Generation, r.FirstToken.Scores, r.Generation.Scores,
		r.FirstToken.Arms[A], r.FirstToken.Arms[B], r.Generation.Arms[A], r.Generation.Arms[B],
	} {
		ok = ok && m.N >= 0 && m.Sum2 >= 0 && !math.IsInf(m.Value, 0)
	}
	for _, s := range []Share{r.Failures[A], r.Failures[B], r.Pairs.Failures, r.Pairs.Same, r.Pairs.Agreed} {
		ok = ok && s.N >= 0 && s.Sum >= 0 && s.Sum <= float64(s.N)*(1+1e-9)
	}
	return ok
}

// write replaces the file, whole or not at all.
func write(file string, all []results) error {
	data, err := encode(all)
	if err != nil {
		return fmt.Errorf("write the results of experiments: %w", err)
	}
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write the results of experiments: %w", err)
	}
	_, err = part.Write(data)
	err = errors.Join(err, part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("write the results of experiments: %w", errors.Join(err, os.Remove(part.Name())))
	}
	return nil
}
