package logs

import (
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"
)

func TestStripANSI(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "": "",
		"\x1b[31mred\x1b[0m":                       "red",
		"a\x1b[1;38;5;200mb\x1b[Kc":                "abc",
		"\x1b]0;title\x07text":                     "text",
		"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1b(Btext\x1b=":                          "text",
		"broken \x1b[31":                           "broken ",
		"end \x1b":                                 "end ",
		"\x1b[3\x01x":                              "\x01x",
		"ünï\x1b[0mcode":                           "ünïcode",
	} {
		if got := StripANSI(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// textsOfHistory is all that History yields for a query, as texts.
func textsOfHistory(t *testing.T, c *capture, q Query) []string {
	t.Helper()
	var texts []string
	for line, err := range History(c.dir, "shop", "web", q) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, line.Text)
	}
	return texts
}

func TestHistoryIsAllThatIsKept(t *testing.T) {
	c := newCapture(t)
	small := policy()
	small.MaxBytes, small.MaxFiles = 1000, 100
	var want []string
	writer := c.attach(Stdout, small)
	for n := range 300 {
		write(t, writer, fmt.Sprintf("line %d\n", n))
		want = append(want, fmt.Sprintf("line %d", n))
	}
	c.end(writer)
	wantLines(t, textsOfHistory(t, c, Query{}), want)
	taken := 0
	for range History(c.dir, "shop", "web", Query{}) {
		if taken++; taken == 100 {
			break
		}
	}
	wantLines(t, textsOfHistory(t, c, Query{Grep: regexp.MustCompile("7$")}), grep(want, "7$"))
	lines, _, err := Tail(c.dir, "shop", "web", 5, Query{Grep: regexp.MustCompile("^line 1")})
	if err != nil || len(lines) != 5 || lines[0].Text != "line 195" {
		t.Errorf("the last five are %v, %v", lines, err)
	}
}

func grep(lines []string, pattern string) (found []string) {
	for _, line := range lines {
		if regexp.MustCompile(pattern).MatchString(line) {
			found = append(found, line)
		}
	}
	return found
}

// An unfinished line is somebody's to go on with, but not in an older file.
func TestHistoryLeavesOutWhatHasNoEnd(t *testing.T) {
	c := newCapture(t)
	c.run("one\n", policy())
	for path, text := range map[string]string{rotatedPath(c.path(), 1): "older\nits end is missing", c.path(): "newer\nunfin"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, textsOfHistory(t, c, Query{}), []string{"older", "its end is missing", "newer"})
}

func TestAQueryBoundsTheTime(t *testing.T) {
	c := newCapture(t)
	at := func(n int) time.Time { return time.Date(2026, 1, 2, 3, 4, n, 0, time.UTC) }
	var text []byte
	for n := range 10 {
		text = fmt.Appendf(appendPrefix(text, at(n), Stdout, ""), "%d\n", n)
	}
	c.run("", policy())
	if err := os.MkdirAll(c.dir+"/shop", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		q    Query
		want []string
	}{
		{Query{Since: at(8)}, []string{"8", "9"}},
		{Query{Until: at(1)}, []string{"0", "1"}},
		{Query{Since: at(3), Until: at(4)}, []string{"3", "4"}},
		{Query{Since: at(30)}, nil},
		{Query{Until: at(0).Add(-1)}, nil},
	} {
		wantLines(t, textsOfHistory(t, c, test.q), test.want)
		lines, _, err := Tail(c.dir, "shop", "web", 100, test.q)
		if err != nil || len(lines) != len(test.want) {
			t.Errorf("%+v: the tail is %v, %v", test.q, lines, err)
		}
	}
}

// The time of a file is coarser than that of its lines.
func TestALineIsFoundThatIsNewerThanItsFile(t *testing.T) {
	c := newCapture(t)
	c.run("one\n", policy())
	lines, _, err := Tail(c.dir, "shop", "web", 1, Query{})
	if err != nil || len(lines) != 1 {
		t.Fatalf("%v, %v", lines, err)
	}
	coarse := lines[0].Time.Add(-10 * time.Millisecond)
	if err := os.Chtimes(c.path(), coarse, coarse); err != nil {
		t.Fatal(err)
	}
	wantLines(t, textsOfHistory(t, c, Query{Since: lines[0].Time}), []string{"one"})
}
