package manifest

import (
	"strings"
	"testing"
	"time"

	"systemg.org/sysg/pkg/generation"
)

func TestSettings(t *testing.T) {
	s, err := ParseSettings("/etc/sysgd.conf", []byte("timeouts: {command_wait_secs: 0, pre_start_secs: 7}\nstart: {max_concurrent: 3}\nlogs: {max_files: 2}\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.CommandWait != 0 || s.PreStart != 7*time.Second || s.Stability != 250*time.Millisecond || s.MaxConcurrent != 3 || s.Logs.MaxFiles != 2 {
		t.Errorf("got %+v", s)
	}
	s, err = ParseSettings("/etc/sysgd.conf", nil, Options{})
	if err != nil || s.CommandWait != 900*time.Second || s.MaxConcurrent != -1 || s.Logs.MaxBytes != 10<<20 {
		t.Errorf("without a text: %+v, %v", s, err)
	}
}

func TestSettingsThatAreWrongAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"timeouts: {command_wait: 1}":        "command_wait_secs",
		"timeouts: {command_wait_secs: -1}":  "timeouts.command_wait_secs",
		"start: {max_concurrent: many}":      "start.max_concurrent",
		"projects: {}":                       "projects",
		"timeouts: [":                        "sysgd.conf",
		"logs: {max_files: x, max_bytes: y}": "logs.max_bytes",
	} {
		if _, err := ParseSettings("/etc/sysgd.conf", []byte(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestSettingsOfTheSystem(t *testing.T) {
	const text = "services: {default_user: ada}\naccess: {others: none}\n"
	s, err := ParseSettings(SystemSettings, []byte(text), systemOptions())
	if err != nil || s.DefaultUser != "ada" || !s.Closed {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := ParseSettings(SystemSettings, []byte("services: {default_user: nosuchuser}\n"), systemOptions()); err == nil {
		t.Error("a user that there is not is accepted")
	}
	_, err = ParseSettings("/home/ada/.config/systemg/sysgd.conf", []byte(text), options())
	if err == nil || !strings.Contains(err.Error(), "services can be enforced by the system's instance only") || !strings.Contains(err.Error(), "access") {
		t.Errorf("in a user's instance: %v", err)
	}
	if s, err = ParseSettings(SystemSettings, []byte("access: {others: viewer}\n"), systemOptions()); err != nil || s.Closed || s.DefaultUser != "" {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestWhatTheSupervisorHasToKnowIsCompiled: it reads no sysgd.conf.
func TestWhatTheSupervisorHasToKnowIsCompiled(t *testing.T) {
	opts := systemOptions()
	opts.Settings = Settings{MaxConcurrent: 3, Closed: true}
	m, err := Parse("/srv/app/systemg.yaml", []byte("services: {a: {command: x, user: root}}"), opts)
	if err != nil {
		t.Fatal(err)
	}
	generations, err := m.Compile(CompileOptions{})
	if err != nil || generations[0].Supervise.Settings != (generation.Settings{MaxConcurrent: 3, Closed: true}) {
		t.Errorf("got %+v, %v", generations[0].Supervise.Settings, err)
	}
}
