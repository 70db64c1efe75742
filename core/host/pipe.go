package host

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
)

// pipe is the host's end of a child's output. It remembers its first line.
type pipe struct {
	*os.File
	read chan struct{} // closed when it was read to its end
	once sync.Once

	mu    sync.Mutex
	first []byte
	whole bool // first has a whole line
}

// maxFirstLine bounds what is remembered: a handshake has some 1,000 bytes.
const maxFirstLine = 16 << 10

func newPipe(f *os.File) *pipe { return &pipe{File: f, read: make(chan struct{})} }

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.File.Read(b)
	p.mu.Lock()
	if !p.whole {
		line, _, found := bytes.Cut(b[:n], []byte("\n"))
		p.first = append(p.first, line...)
		p.whole = found || len(p.first) > maxFirstLine
	}
	p.mu.Unlock()
	if err != nil {
		p.once.Do(func() { close(p.read) })
	}
	return n, err
}

// apiVersion returns the version that a plugin's handshake speaks of, the second of its fields.
func (p *pipe) apiVersion() (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return parseHandshake(string(p.first))
}

func parseHandshake(line string) (version int, ok bool) {
	fields := strings.Split(strings.TrimSpace(line), "|")
	if len(fields) < 4 {
		return 0, false
	}
	version, err := strconv.Atoi(fields[1])
	return version, err == nil
}
