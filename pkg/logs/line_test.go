package logs

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.UTC)
	for line, want := range map[string]Line{
		"2026-01-02T03:04:05.123456Z stdout some text":  {at, Stdout, "some text"},
		"2026-01-02T03:04:05.123456Z stderr ":           {at, Stderr, ""},
		"2026-01-02T03:04:05.123456Z stdout  two \xff ": {at, Stdout, " two \xff "},
		"2026-01-02T03:04:05.123456Z stdout":            {Text: "2026-01-02T03:04:05.123456Z stdout"},
		"2026-01-02T03:04:05.123456Z stdlog text":       {Text: "2026-01-02T03:04:05.123456Z stdlog text"},
		"2026-01-02T03:04:05Z stdout text":              {Text: "2026-01-02T03:04:05Z stdout text"},
		"yesterday stdout text":                         {Text: "yesterday stdout text"},
		"":                                              {},
	} {
		if got := Parse(line); got != want {
			t.Errorf("Parse(%q) = %+v, want %+v", line, got, want)
		}
	}
}

func FuzzParseReadsWhatIsWritten(f *testing.F) {
	f.Add(int64(1), "text", "")
	f.Add(int64(-1), "\xff\x00", "health")
	f.Fuzz(func(t *testing.T, micros int64, text, label string) {
		at := time.UnixMicro(micros % (100 * 365 * 86400 * 1e6)).UTC()
		line := string(appendPrefix(nil, at, Stderr, label)) + text
		if label != "" {
			text = "[" + label + "] " + text
		}
		if got := Parse(line); got != (Line{at, Stderr, text}) {
			t.Errorf("Parse(%q) = %+v", line, got)
		}
	})
}

func TestSplitAtKeepsCharactersWhole(t *testing.T) {
	for name, line := range map[string]string{
		"ascii": strings.Repeat("x", 2*MaxLine),
		"two":   "x" + strings.Repeat("é", MaxLine),
		"three": strings.Repeat("€", MaxLine),
		"four":  "xx" + strings.Repeat("🦀", MaxLine),
	} {
		cut := splitAt([]byte(line))
		if cut > MaxLine || cut <= MaxLine-utf8.UTFMax || !utf8.ValidString(line[:cut]) || !utf8.ValidString(line[cut:]) {
			t.Errorf("%s: cut at %d", name, cut)
		}
	}
	if cut := splitAt([]byte(strings.Repeat("\x80", 2*MaxLine))); cut != MaxLine {
		t.Errorf("bytes that are no characters: cut at %d, want %d", cut, MaxLine)
	}
}

func TestALogPathStaysBelowItsFolder(t *testing.T) {
	for _, name := range []string{"", ".", "..", "../x", "a/b", "/etc", ".hidden", "a\x00b"} {
		if path, err := logPath("/logs", name, "web"); err == nil {
			t.Errorf("project %q gives %q", name, path)
		}
		if path, err := logPath("/logs", "shop", name); err == nil {
			t.Errorf("service %q gives %q", name, path)
		}
	}
	if path, err := logPath("/logs", "shop", "web.1"); err != nil || path != "/logs/shop/web.1.log" {
		t.Errorf("logPath = %q, %v", path, err)
	}
}
