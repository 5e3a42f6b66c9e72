package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// scraped serves body, or fails, and returns the address.
func scraped(t *testing.T, body string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	s := Scrape{Type: "text/x; version=1", Log: slog.New(slog.DiscardHandler), Render: func(_ context.Context, w io.Writer) error {
		if body == "" {
			return errors.New("it is ending")
		}
		_, err := io.WriteString(w, body)
		return err
	}}
	go func() { s.Serve(ctx, listener); close(done) }()
	t.Cleanup(func() { end(); <-done })
	return listener.Addr().String()
}

// TestARealClientIsAnswered: net/http's, which scrapers use.
func TestARealClientIsAnswered(t *testing.T) {
	address := scraped(t, strings.Repeat("x 1\n", 100_000))
	for _, test := range []struct {
		method, path string
		status, size int
	}{
		{"GET", "/metrics", 200, 400_000}, {"GET", "/metrics?a=b", 200, 400_000}, {"HEAD", "/metrics", 200, 0},
		{"GET", "/", 404, 13}, {"POST", "/metrics", 405, 9},
	} {
		request, err := http.NewRequest(test.method, "http://"+address+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != test.status || len(body) != test.size {
			t.Errorf("%s %s: %d, %d bytes, %v", test.method, test.path, response.StatusCode, len(body), err)
		}
		if test.status == 200 && response.Header.Get("Content-Type") != "text/x; version=1" {
			t.Error(response.Header)
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	address := scraped(t, "x 1\n")
	for name, text := range map[string]string{
		"no HTTP": "hello\r\n\r\n", "too long": "GET /metrics HTTP/1.1\r\nA: " + strings.Repeat("x", scrapeHead) + "\r\n\r\n", "HTTP/2": "PRI * HTTP/2.0\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(conn, text); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 12)
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 400" {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
		_ = conn.Close()
	}
	if response, err := http.Get("http://" + scraped(t, "") + "/metrics"); err != nil || response.StatusCode != 503 {
		t.Error(response, err)
	}
}
