package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/bench/harness"
)

// connection is a kept HTTP connection with as little client around it as can be: what is measured is the server.
type connection struct {
	net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	answer fasthttp.Response
}

func dial(server *harness.Server) (*connection, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}, nil
}

// request may be made many times, of one connection at a time.
type request = *fasthttp.Request

func get(path string) request {
	r := &fasthttp.Request{}
	r.SetRequestURI(path)
	r.SetHost("bench")
	return r
}

func post(path string, body map[string]any) request {
	r := get(path)
	r.Header.SetMethod(fasthttp.MethodPost)
	r.Header.SetContentType("application/json")
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts and flags
	}
	r.SetBody(text)
	return r
}

func completion(model string, stream bool) request {
	return post("/v1/completions", map[string]any{"model": model, "prompt": hello, "stream": stream})
}

// do makes a request and reads its answer, which is valid until the next one.
func (c *connection) do(r request) error {
	if err := c.send(r); err != nil {
		return err
	}
	if err := c.answer.Read(c.in); err != nil {
		return err
	}
	return c.check(r, c.answer.Body())
}

// begin makes a request and reads the head of its answer.
func (c *connection) begin(r request) error {
	if err := c.send(r); err != nil {
		return err
	}
	if err := c.answer.Header.Read(c.in); err != nil {
		return err
	}
	return c.check(r, nil)
}

func (c *connection) send(r request) error {
	if err := r.Write(c.out); err != nil {
		return err
	}
	return c.out.Flush()
}

func (c *connection) check(r request, body []byte) error {
	if status := c.answer.StatusCode(); status != fasthttp.StatusOK {
		return fmt.Errorf("%s answers %d: %s", r.RequestURI(), status, body)
	}
	return nil
}
