package paths

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestState(t *testing.T) {
	tests := []struct {
		env  []string
		want string
	}{
		{[]string{"HOME=/home/a"}, "/home/a/.local/share/systemg"},
		{[]string{"HOME=/home/a", "XDG_DATA_HOME=/data"}, "/data/systemg"},
		{[]string{"HOME=/home/a", "XDG_DATA_HOME=data"}, "/home/a/.local/share/systemg"},
		{[]string{"HOME=a"}, ""},
		{nil, ""},
	}
	for _, test := range tests {
		got, err := State(env(test.env...))
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%v: %q, %v; want %q", test.env, got, err, test.want)
		}
	}
}

func TestRuntimeFallsBackToTheStateDirectory(t *testing.T) {
	own := t.TempDir()
	if got := Runtime(env("XDG_RUNTIME_DIR="+own), "/s", os.Getuid()); got != filepath.Join(own, "systemg") {
		t.Error(got)
	}
	if got := Runtime(env("XDG_RUNTIME_DIR="+own), "/s", 4_000_000_000); got != "/s/run" {
		t.Errorf("another user's directory is used: %s", got)
	}
	if got := Runtime(env(), "/s", 4_000_000_000); got != filepath.Join("/s", "run") {
		t.Error(got)
	}
}
