package probe

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

// serve accepts connections and has each one answered.
func serve(t *testing.T, listener net.Listener, answer func(conn net.Conn, request string)) {
	t.Helper()
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 4096)
				n, _ := conn.Read(buf)
				answer(conn, string(buf[:n]))
			}()
		}
	}()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func says(text string) func(net.Conn, string) {
	return func(conn net.Conn, _ string) { io.WriteString(conn, text) }
}

func try(check generation.Probe, limit time.Duration) Answer {
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	return Connect(ctx, check)
}

func TestAnURLPassesWithATwoHundred(t *testing.T) {
	for name, test := range map[string]struct {
		says  string
		class Class
		text  string
	}{
		"200":                       {"HTTP/1.1 200 OK\r\n\r\nhello", "", "answered 200 OK"},
		"204 without a phrase":      {"HTTP/1.1 204\r\n\r\n", "", "answered 204"},
		"HTTP/1.0":                  {"HTTP/1.0 299 Fine\n\n", "", "answered 299 Fine"},
		"after an early hint":       {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "", "answered 200 OK"},
		"a redirect is not":         {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", Unhealthy, "answered 302 Found"},
		"503":                       {"HTTP/1.1 503 Busy\r\n\r\n", Unhealthy, "answered 503 Busy"},
		"no HTTP":                   {"SSH-2.0-OpenSSH\r\n", Unhealthy, `gave no answer in HTTP: it began with "SSH-2.0-OpenSSH"`},
		"nothing":                   {"", Unhealthy, "gave no answer in HTTP: unexpected EOF"},
		"half a line":               {"HTTP/1.1 20", Unhealthy, "gave no answer in HTTP: unexpected EOF"},
		"a code of four digits":     {"HTTP/1.1 2000 OK\r\n\r\n", Unhealthy, `gave no answer in HTTP: it began with "HTTP/1.1 2000 OK"`},
		"a phrase with control":     {"HTTP/1.1 500 \x1b[2Jgone\r\n\r\n", Unhealthy, "answered 500  [2Jgone"},
		"a head without end is cut": {"HTTP/1.1 103 X\r\n" + strings.Repeat("A: b\r\n", 20000), Unhealthy, "gave no answer in HTTP: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			serve(t, listener, says(test.says))
			got := try(generation.Probe{URL: "http://" + listener.Addr().String() + "/"}, 5*time.Second)
			want := Answer{Passed: test.class == "", Class: test.class, Text: test.text}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestTheRequestIsPlain(t *testing.T) {
	t.Setenv("http_proxy", "http://127.0.0.1:1") // Never used.
	listener, heard := listen(t), make(chan string, 1)
	serve(t, listener, func(conn net.Conn, request string) {
		heard <- request
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	})
	address := listener.Addr().String()
	if got := try(generation.Probe{URL: "http://me:secret@" + address + "/a%20b?c=d#e"}, 5*time.Second); !got.Passed {
		t.Fatal(got)
	}
	want := "GET /a%20b?c=d HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n" +
		"User-Agent: sysg\r\nAccept: */*\r\nConnection: close\r\n\r\n"
	if got := <-heard; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailuresAreSorted(t *testing.T) {
	closed := listen(t)
	refused := closed.Addr().String()
	closed.Close()
	silent := listen(t)
	serve(t, silent, func(conn net.Conn, _ string) { io.Copy(io.Discard, conn) })
	path := filepath.Join(t.TempDir(), "s")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, unix, func(net.Conn, string) {})
	packets := filepath.Join(t.TempDir(), "p")
	unixPacket, err := net.Listen("unixpacket", packets)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, unixPacket, func(net.Conn, string) {})
	for name, test := range map[string]struct {
		check generation.Probe
		want  Answer
	}{
		"nobody at the port":       {generation.Probe{TCP: refused}, Answer{Class: Unreached, Text: "could not connect: connection refused"}},
		"nobody at the URL":        {generation.Probe{URL: "http://" + refused}, Answer{Class: Unreached, Text: "could not connect: connection refused"}},
		"no such path":             {generation.Probe{Unix: path + "x"}, Answer{Class: Unreached, Text: "could not connect: no such file or directory"}},
		"a server that is silent":  {generation.Probe{URL: "http://" + silent.Addr().String()}, Answer{Class: TimedOut, Text: "did not answer in time"}},
		"a listener":               {generation.Probe{TCP: silent.Addr().String()}, Answer{Passed: true, Text: "accepts connections"}},
		"a listener at a path":     {generation.Probe{Unix: path}, Answer{Passed: true, Text: "accepts connections"}},
		"a listener for messages":  {generation.Probe{Unix: packets}, Answer{Passed: true, Text: "accepts connections"}},
		"an address that is none":  {generation.Probe{URL: "ftp://x"}, Answer{Class: Unreached, Text: `"ftp://x" is no address for http`}},
		"a name that is not known": {generation.Probe{TCP: "no.such.host.invalid:1"}, Answer{Class: Unreached}},
	} {
		t.Run(name, func(t *testing.T) {
			got := try(test.check, 300*time.Millisecond)
			if name == "a name that is not known" { // What the resolver says differs.
				got.Text = ""
				if got.Class == TimedOut {
					got.Class = Unreached
				}
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestTallySaysWhatKindOfFailureItWas(t *testing.T) {
	for _, test := range []struct {
		classes []Class
		want    Class
	}{
		{[]Class{Unreached, Unreached}, Unreached},
		{[]Class{TimedOut}, TimedOut},
		{[]Class{Unreached, TimedOut}, TimedOut},
		{[]Class{Unhealthy, Unreached}, Unhealthy},
		{[]Class{TimedOut, Unhealthy}, Unhealthy},
	} {
		var tally Tally
		for _, class := range test.classes {
			tally.Add(class)
		}
		if got := tally.Class(); got != test.want {
			t.Errorf("%v: %s, want %s", test.classes, got, test.want)
		}
	}
}
