package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"
)

// Scrape answers Prometheus and its kin on a listener that an administrator has
// given to the daemon. There is none by default, and who may connect is what the
// socket unit says: the answer has names and numbers, and nothing of what a
// service prints or is told.
//
// It speaks as little HTTP as that takes (RFC 9112): one GET a connection, whose
// path is /metrics, and an answer of known length. net/http would be a quarter of
// the daemon.
type Scrape struct {
	// Render writes the answer's body; its media type is Type.
	Render func(context.Context, io.Writer) error
	Type   string
	Log    *slog.Logger
}

const (
	scrapeTime = 10 * time.Second // for a whole connection
	scrapeHead = 8 << 10          // bytes of a request, at most
	scrapes    = 4                // at a time
)

// Serve answers until ctx ends. It closes the listener.
func (s *Scrape) Serve(ctx context.Context, listener net.Listener) {
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	defer func() { _ = listener.Close() }()
	slots := make(chan struct{}, scrapes)
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			s.Log.Error("Cannot take calls for metrics any more", "error", err)
			return
		}
		slots <- struct{}{} // Others wait in the listener's queue.
		go func() {
			defer func() { <-slots }()
			defer func() { _ = conn.Close() }()
			if err := s.answer(ctx, conn); err != nil {
				s.Log.Debug("Cannot answer a call for metrics", "error", err)
			}
		}()
	}
}

func (s *Scrape) answer(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(scrapeTime)); err != nil {
		return err
	}
	method, path, err := readHead(conn)
	if err != nil {
		return reply(conn, "400 Bad Request", "text/plain", []byte(err.Error()+"\n"), false)
	}
	path, _, _ = strings.Cut(path, "?")
	switch {
	case method != "GET" && method != "HEAD":
		return reply(conn, "405 Method Not Allowed", "text/plain", []byte("only GET\n"), false)
	case path != "/metrics":
		return reply(conn, "404 Not Found", "text/plain", []byte("see /metrics\n"), method == "HEAD")
	}
	var body bytes.Buffer
	if err := s.Render(ctx, &body); err != nil {
		return reply(conn, "503 Service Unavailable", "text/plain", []byte(err.Error()+"\n"), method == "HEAD")
	}
	return reply(conn, "200 OK", s.Type, body.Bytes(), method == "HEAD")
}

// readHead reads a request up to the empty line.
func readHead(conn io.Reader) (method, path string, err error) {
	lines := bufio.NewScanner(io.LimitReader(conn, scrapeHead))
	lines.Buffer(nil, scrapeHead)
	if !lines.Scan() {
		return "", "", errors.New("no request")
	}
	words := strings.Fields(lines.Text())
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/1.") {
		return "", "", errors.New("this is no request of HTTP/1.1")
	}
	for lines.Scan() {
		if lines.Text() == "" {
			return words[0], words[1], nil
		}
	}
	return "", "", errors.New("the request is cut, or too long")
}

func reply(conn io.Writer, status, kind string, body []byte, headOnly bool) error {
	head := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", status, kind, len(body))
	if headOnly {
		body = nil
	}
	_, err := conn.Write(append([]byte(head), body...))
	return err
}
