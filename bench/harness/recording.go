package harness

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// recording is what arrived on a connection. Reading it gives one arrival at a time.
type recording struct {
	parts []part
	at    time.Time // when the part arrived that was read last
}

type part struct {
	data []byte
	at   time.Time
}

// record sends a request over a connection of its own and returns what arrived until the server closed it. The
// request's context ends it early.
func record(req *http.Request) (*recording, error) {
	var d net.Dialer
	conn, err := d.DialContext(req.Context(), "tcp", req.URL.Host)
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-req.Context().Done():
		case <-stop:
		}
		conn.Close()
	}()
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	r := &recording{}
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			r.parts = append(r.parts, part{append([]byte(nil), buffer[:n]...), time.Now()})
		}
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Read reads on in the current part, or in the next one.
func (r *recording) Read(p []byte) (int, error) {
	for len(r.parts) > 0 && len(r.parts[0].data) == 0 {
		r.parts = r.parts[1:]
	}
	if len(r.parts) == 0 {
		return 0, io.EOF
	}
	first := &r.parts[0]
	r.at = first.at
	n := copy(p, first.data)
	first.data = first.data[n:]
	return n, nil
}
