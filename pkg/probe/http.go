package probe

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A check by URL needs a status line and nothing else, so the request is
// written here: net/http would add a third to the size of sysgd. There is no proxy,
// and a redirect is an answer like another. What is asked over https is a command
// by the time it is compiled.

// maxHead bounds what is read of an answer.
const maxHead = 64 << 10

// get passes where a GET is answered with 2xx.
func get(ctx context.Context, address string) Answer {
	target, err := url.Parse(address)
	if err != nil || target.Hostname() == "" || target.Scheme != "http" {
		return Answer{Class: Unreached, Text: fmt.Sprintf("%q is no address for http", address)}
	}
	conn, err := dial(ctx, "tcp", hostPort(target))
	if err != nil {
		return unreached(ctx, err)
	}
	defer conn.Close()
	// A context that ends ends the conversation too.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := io.WriteString(conn, request(target)); err != nil {
		return broken(ctx, "took no request", err)
	}
	code, text, err := status(bufio.NewReader(io.LimitReader(conn, maxHead)))
	if err != nil {
		return broken(ctx, "gave no answer in HTTP", err)
	}
	return Answer{Passed: code/100 == 2, Class: classOf(code), Text: "answered " + text}
}

func classOf(code int) Class {
	if code/100 == 2 {
		return ""
	}
	return Unhealthy
}

// broken is the answer of somebody who is there, but does not answer well.
func broken(ctx context.Context, what string, err error) Answer {
	if late(ctx, err) {
		return Answer{Class: TimedOut, Text: "did not answer in time"}
	}
	return Answer{Class: Unhealthy, Text: fmt.Sprintf("%s: %v", what, bottom(err))}
}

func hostPort(target *url.URL) string {
	port := target.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(target.Hostname(), port)
}

// request is the whole request (RFC 9112).
func request(target *url.URL) string {
	var text strings.Builder
	fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: %s\r\n", target.RequestURI(), target.Host)
	if user := target.User; user != nil {
		password, _ := user.Password()
		secret := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		fmt.Fprintf(&text, "Authorization: Basic %s\r\n", secret)
	}
	text.WriteString("User-Agent: sysg\r\nAccept: */*\r\nConnection: close\r\n\r\n")
	return text.String()
}

// status reads the status line, past what comes before the answer itself (1xx).
func status(r *bufio.Reader) (code int, text string, err error) {
	for code < 200 {
		line, err := headLine(r)
		if err != nil {
			return 0, "", err
		}
		version, text, _ := strings.Cut(line, " ")
		digits, _, _ := strings.Cut(text, " ")
		code, err = strconv.Atoi(digits)
		if !strings.HasPrefix(version, "HTTP/1.") || err != nil || len(digits) != 3 || code < 100 {
			return 0, "", fmt.Errorf("it began with %.40q", line)
		}
		if code >= 200 {
			return code, shown(text), nil
		}
		for line != "" {
			if line, err = headLine(r); err != nil {
				return 0, "", err
			}
		}
	}
	return code, text, nil
}

// headLine reads one line of the head, without its end.
func headLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return strings.TrimRight(line, "\r\n"), err
}
