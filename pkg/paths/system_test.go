package paths

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// What systemd-tmpfiles makes and what sysg makes without systemd is one list.
func TestTmpfilesMakesTheSystemFolders(t *testing.T) {
	text, err := os.ReadFile("../../systemd/system/systemg.tmpfiles")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "d" {
			lines = append(lines, strings.Join(fields[:5], " "))
		}
	}
	var want []string
	for _, f := range SystemFolders() {
		mode := uint32(f.Mode.Perm())
		if f.Mode&fs.ModeSetgid != 0 {
			mode |= 0o2000
		}
		want = append(want, fmt.Sprintf("d %s %04o %s %s", f.Path, mode, f.Owner, f.Group))
	}
	if got, want := strings.Join(lines, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("systemg.tmpfiles makes\n%s\nwant\n%s", got, want)
	}
}

func TestTheSystemsPlacesAreFixed(t *testing.T) {
	for got, want := range map[string]string{
		Logs(SystemState):    "/var/log/systemg",
		Events(SystemState):  "/var/log/systemg/events.log",
		Spool(SystemRuntime): "/run/systemg/sysgd/spool",
		Lock(SystemState):    "/run/systemg/sysgd/supervisor.lock",
		PidFile("/s"):        "/s/sysg.pid",
		Logs("/s"):           "/s/logs",
		Spool("/r"):          "/r/spool",
	} {
		if got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}
