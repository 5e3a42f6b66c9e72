package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// redis is one connection that speaks RESP2, the protocol of redis, as far as
// the shop needs it. It is for one goroutine at a time.
type redis struct {
	conn net.Conn
	in   *bufio.Reader
}

// errNil is the answer of a command that found nothing.
var errNil = errors.New("redis: nil")

// maxBulk bounds a value; the shop's are a few bytes.
const maxBulk = 1 << 20

func dial(addr string) (*redis, error) {
	conn, err := net.DialTimeout("tcp", addr, 2*time.Second)
	if err != nil {
		return nil, fmt.Errorf("cannot reach redis: %w", err)
	}
	return &redis{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (r *redis) close() { _ = r.conn.Close() }

// forever is a timeout that never comes.
const forever = time.Duration(0)

// do sends one command and returns its answer: one string for a simple answer,
// the elements for an array.
func (r *redis) do(timeout time.Duration, args ...string) ([]string, error) {
	var deadline time.Time
	if timeout != forever {
		deadline = time.Now().Add(timeout)
	}
	if err := r.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	var frame strings.Builder
	fmt.Fprintf(&frame, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&frame, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := io.WriteString(r.conn, frame.String()); err != nil {
		return nil, fmt.Errorf("cannot ask redis: %w", err)
	}
	return r.answer()
}

func (r *redis) answer() ([]string, error) {
	line, err := r.in.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("cannot read redis' answer: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return nil, errors.New("redis answered an empty line")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return []string{rest}, nil
	case '-':
		return nil, fmt.Errorf("redis refused: %s", rest)
	case '$':
		return r.bulk(rest)
	case '*':
		return r.array(rest)
	}
	return nil, fmt.Errorf("redis answered %q", line)
}

func (r *redis) bulk(length string) ([]string, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxBulk:
		return nil, fmt.Errorf("redis announced a value of %q bytes", length)
	case n < 0:
		return nil, errNil
	}
	value := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, value); err != nil {
		return nil, fmt.Errorf("cannot read redis' answer: %w", err)
	}
	return []string{string(value[:n])}, nil
}

func (r *redis) array(length string) ([]string, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxBulk:
		return nil, fmt.Errorf("redis announced %q elements", length)
	case n < 0:
		return nil, errNil
	}
	var values []string
	for range n {
		value, err := r.answer()
		if err != nil {
			return nil, err
		}
		values = append(values, value...)
	}
	return values, nil
}
