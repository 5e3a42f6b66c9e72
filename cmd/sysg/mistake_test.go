package main

import (
	"strings"
	"testing"
)

func TestAMistypedLineIsToldWhatWasProbablyMeant(t *testing.T) {
	tests := []struct{ line, want string }{
		{"statsu", `unknown command "statsu", did you mean "status"?`},
		{"activat", `unknown command "activat"`}, // is for sysg itself
		{"supervise --config app.yaml", "there is no command \"supervise\" any more: `sysg start` runs the supervisor where there is none"},
		{"migrate-state --dry-run", "there is no command \"migrate-state\" any more: " + former["migrate-state"]},
		{"start --deamonize", "unknown flag: --deamonize, did you mean --daemonize?"},
		{"start --xyzzyx", "unknown flag: --xyzzyx"},
		{"-c systemg.yaml start", "unknown shorthand flag: 'c' in -c, a command's own flags stand after it"},
		{"start -x", "unknown shorthand flag: 'x' in -x"},
		{"start my.yaml", `unexpected word "my.yaml", a manifest is named with -c`},
		{"logs db", `unexpected word "db", a service is named with -s`},
		{"schema extra", `unexpected word "extra"`},
	}
	for _, test := range tests {
		t.Run(test.line, func(t *testing.T) {
			a, _, stderr := quietApp(nil)
			code := a.end(a.dispatch(strings.Fields(test.line)))
			first, _, _ := strings.Cut(stderr.String(), "\n")
			if code != misused || first != "error: "+test.want {
				t.Errorf("code %d, %q; want %d, %q", code, first, misused, "error: "+test.want)
			}
		})
	}
}
