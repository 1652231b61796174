package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// null answers requests with what was recorded, and does nothing else: it costs a client what sockets cost.
type null struct {
	answers map[string][]byte // by path
	delay   time.Duration
	counts  *counts
}

// serveNull serves the answers in a file.
func serveNull(ctx context.Context, recorded string, delay time.Duration) (*server, error) {
	data, err := os.ReadFile(recorded)
	if err != nil {
		return nil, err
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	s := &null{answers: make(map[string][]byte), delay: delay, counts: &counts{}}
	for _, exchanges := range r {
		for _, x := range exchanges {
			s.answers[x.Path] = x.Answer
		}
	}
	l, origin, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	go s.accept(l)
	return &server{origin: origin, counts: s.counts, stop: func() { _ = l.Close() }}, nil
}

// accept serves connections until the listener is closed. They end when their clients do.
func (s *null) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = s.talk(conn) // the client is gone, or sent what it has to answer for
			_ = conn.Close()
		}()
	}
}

// errUnasked is a request that was not recorded.
var errUnasked = errors.New("nothing was recorded for this request")

// talk answers the requests of a connection.
func (s *null) talk(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, 8<<10)
	for {
		answer, n, err := s.request(in)
		if err != nil {
			return err
		}
		if s.delay > 0 {
			time.Sleep(s.delay)
		}
		if n != nil {
			n.Add(1) // before the answer, as nobody may know of more logins than the server
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
}

// request reads one and returns the answer, and what counts it, if anything does.
func (s *null) request(in *bufio.Reader) ([]byte, *atomic.Int64, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, nil, err
	}
	_, line, _ = bytes.Cut(line, []byte(" "))
	path, _, _ := bytes.Cut(line, []byte(" "))
	answer, known := s.answers[string(path)]
	if !known {
		return nil, nil, errUnasked
	}
	n := s.counts.of(string(path))
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return nil, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return nil, nil, err
			}
		}
	}
	_, err = in.Discard(length)
	return answer, n, err
}
