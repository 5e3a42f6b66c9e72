//go:build e2e

package test

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// varlink FILE METHOD PARAMETERS calls a method of the daemon, as any Varlink
// client could, and writes the replies to the file, one a line.
func varlinkCall(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 3)
	conn, err := net.DialTimeout("unix", filepath.Join(instanceOf(ts).runtimeDir(), "control.sock"), patience)
	ts.Check(err)
	defer conn.Close()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte(`{"method":"org.systemg.Control.` + args[1] + `","parameters":` + args[2] + `,"more":true}` + "\x00"))
	ts.Check(err)
	var replies strings.Builder
	for in := bufio.NewReader(conn); ; {
		frame, err := in.ReadString(0)
		ts.Check(err)
		replies.WriteString(strings.TrimSuffix(frame, "\x00") + "\n")
		if !strings.Contains(frame, `"continues":true`) {
			break
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(replies.String()), 0o644))
}
