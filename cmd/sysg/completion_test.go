package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestWhatMayComeNext(t *testing.T) {
	for _, test := range []struct{ typed, want string }{
		{"", "start stop restart reload plan generations rollback status inspect security logs why cron events purge doctor validate schema migrate explain version completion help"},
		{"st", "start stop status"},
		{"--sys st", "start stop status"},
		{"--color al", "always"},
		{"--color=al", "--color=always"},
		{"--color = n", "never"},
		{"--log-level e", "error"},
		{"logs --kind std", "stderr stdout"},
		{"logs -k stdo", "stdout"},
		{"logs -fk stdo", "stdout"},
		{"logs --no-f", "--no-follow"},
		{"start -c ", ":files"},
		{"validate --config=", ":files"},
		{"cron ", "history next run"},
		{"explain SG0102", "SG0102"},
		{"completion z", "zsh"},
		{"help why", "why"},
		{"schema x", ""},
		{"nonsense x", ""},
	} {
		a := &app{out: &output{}}
		words := strings.Split(test.typed, " ")
		var got []string
		for _, line := range a.candidates(t.Context(), words[:len(words)-1], words[len(words)-1]) {
			name, _, _ := strings.Cut(line, "\t")
			got = append(got, name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q: %q, want %q", test.typed, got, test.want)
		}
	}
}

// TestTheScriptsAreWhatTheShellsRead: as far as the shell is there.
func TestTheScriptsAreWhatTheShellsRead(t *testing.T) {
	for _, shell := range completionShells {
		script, err := completionScripts.ReadFile("completion/sysg." + shell)
		if err != nil {
			t.Fatal(err)
		}
		if path, err := exec.LookPath(shell); err == nil {
			command := exec.Command(path, "-n")
			command.Stdin = strings.NewReader(string(script))
			if output, err := command.CombinedOutput(); err != nil || len(output) > 0 {
				t.Errorf("%s: %v: %s", shell, err, output)
			}
		}
	}
}
