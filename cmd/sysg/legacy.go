package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"systemg.org/sysg/pkg/api"
)

// What the older program left in the folder of state, which is ours by now: a
// supervisor that still runs, and its settings.

// olderRuns says whether a supervisor of the older program answers: its socket
// is in the folder of state itself.
func (i *instance) olderRuns() error {
	path := filepath.Join(i.state, "control.sock")
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil
	}
	_ = conn.Close()
	return &api.Diagnostic{
		Code: api.CodeOlderRuns, Title: "a supervisor of the older program runs with this state",
		Notes: []string{"it listens at " + path},
		Help:  []api.Help{{Label: "stop it with its own program", Command: "OLD/sysg stop --supervisor"}},
	}
}

// setting is one element of supervisor.xml that holds a number.
var setting = regexp.MustCompile(`<(\w+)>\s*(-?\d+)\s*</(\w+)>`)

// settingsOf are the elements of supervisor.xml by the block of sysgd.conf that
// they belong to, which has their names.
var settingsOf = []struct {
	block string
	names []string
}{
	{"timeouts", []string{"pre_start_secs", "startup_stability_ms", "stop_verify_secs", "start_settle_secs", "command_wait_secs"}},
	{"start", []string{"max_concurrent"}},
	{"logs", []string{"max_bytes", "max_files"}},
}

// importSettings writes sysgd.conf from the older program's supervisor.xml, once:
// where there is a sysgd.conf nothing is done.
func (a *app) importSettings() error {
	home, err := a.home()
	if err != nil {
		return err
	}
	conf := a.settingsPath()
	text, err := os.ReadFile(filepath.Join(home.state, "supervisor.xml"))
	if err != nil || exists(conf) {
		return nil
	}
	converted := convertSettings(string(text))
	if converted == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(conf), 0o700); err != nil {
		return fmt.Errorf("cannot take over supervisor.xml: %w", err)
	}
	if err := os.WriteFile(conf, []byte(converted), 0o600); err != nil {
		return fmt.Errorf("cannot take over supervisor.xml: %w", err)
	}
	a.warn("the settings of supervisor.xml were taken over into " + conf)
	return nil
}

// convertSettings is the text of sysgd.conf for that of supervisor.xml, "" where
// there is nothing in it. What cannot be read is left out, as there.
func convertSettings(xml string) string {
	values := map[string]string{}
	for _, m := range setting.FindAllStringSubmatch(xml, -1) {
		if m[1] == m[3] {
			values[m[1]] = m[2]
		}
	}
	var b strings.Builder
	for _, group := range settingsOf {
		head := group.block + ":\n"
		for _, name := range group.names {
			if value, given := values[name]; given {
				fmt.Fprintf(&b, "%s  %s: %s\n", head, name, value)
				head = ""
			}
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "# Taken over from supervisor.xml.\n" + b.String()
}
