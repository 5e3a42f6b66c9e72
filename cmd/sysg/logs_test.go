package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// written lines of two services, a rotated file, and one run's records.
func logFolder(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	at := func(second int) string { return fmt.Sprintf("2026-01-02T03:04:%02d.000000Z", second) }
	files := map[string]string{
		"shop/api.log.1":   at(0) + " stdout oldest\n" + at(2) + " stderr old\n",
		"shop/api.log":     at(4) + " stdout \x1b[31mred\x1b[0m new\n" + at(6) + " stdout newest\n",
		"shop/db.log":      at(1) + " stdout db one\n" + at(5) + " stderr db two\n",
		"blog/web.log":     at(3) + " stdout web of blog\n",
		"store/web.log":    at(3) + " stdout web of store\n",
		"raw/raw.log":      "no time\nno time either\n",
		"supervisor.log":   "time=2026-01-02T03:04:05.000Z level=INFO msg=started\ntime=2026-01-02T03:04:09.000Z level=WARN msg=later\n",
		"supervisor.log.1": "time=2026-01-01T03:04:05.000Z level=INFO msg=\"long ago\"\n",
	}
	for name, text := range files {
		path := filepath.Join(state, "logs", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(state, "logs/shop/api.log"))
	if err != nil {
		t.Fatal(err)
	}
	runs := fmt.Sprintf("%d 0 aaaa1111\n%d 46 bbbb2222\n", inode(info), inode(info))
	if err := os.WriteFile(filepath.Join(state, "logs/shop/.api.runs"), []byte(runs), 0o600); err != nil {
		t.Fatal(err)
	}
	return state
}

// logs runs the command in a state folder in which no supervisor ran.
func logsIn(state, args string) (exits int, stdout, stderr string) {
	a, out, errs := quietApp(map[string]string{"XDG_CONFIG_HOME": state})
	a.instance = &instance{state: state, runtimes: []string{filepath.Join(state, "none")}, env: a.env}
	exits = a.end(a.dispatch(append([]string{"logs"}, strings.Fields(args)...)))
	return exits, out.String(), errs.String()
}

func TestLogsAreReadFromTheFiles(t *testing.T) {
	state := logFolder(t)
	for _, test := range []struct {
		args string
		want string // the texts, or all of it where it begins with "="
	}{
		{"-s shop/api", "oldest|old|red new|newest"},
		{"-s api -l 1", "newest"},
		{"-s api -l 0", ""},
		{"-s api -l 3", "old|red new|newest"},
		{"-s api -k stderr", "old"},
		{"-s api -g ^red.new$", "red new"},
		{"-s api --all -l 2", "red new|newest"},
		{"-s api --since 2026-01-02T03:04:02Z", "old|red new|newest"},
		{"-s api --until 2026-01-02T03:04:02Z", "oldest|old"},
		{"-s api --since 2026-01-03", ""},
		{"-s api --since 2026-01-02 --until 2026-01-03 -k stdout", "oldest|red new|newest"},
		{"-p shop", "oldest|db one|old|red new|db two|newest"},
		{"-p shop -a", "oldest|db one|old|red new|db two|newest"},
		{"-s shop/db -s api -l 1", "db two|newest"},
		{"-s blog/web", "web of blog"},
		{"-p store -s web", "web of store"},
		{"-s raw", "no time|no time either"},
		{"-s raw --since 2000-01-01", ""},
		{"--invocation aaaa1111", "red new"},
		{"--invocation bbbb", "newest"},
		{"-s api --invocation aaaa", "red new"},
		{"-s db --invocation aaaa", ""},
		{"-s api -l 1 --format json", `={"ts":"2026-01-02T03:04:06.000000Z","stream":"stdout","project":"shop","service":"api","line":"newest"}` + "\n"},
		{"-s api -l 2 --raw", "=red new\nnewest\n"},
		{"-s api -l 2 --raw --no-strip-ansi", "=\x1b[31mred\x1b[0m new\nnewest\n"},
		{"-s api -l 1", "=2026-01-02T03:04:06.000000Z stdout newest\n"},
		{"-p shop -l 1", "=db | 2026-01-02T03:04:05.000000Z stderr db two\napi | 2026-01-02T03:04:06.000000Z stdout newest\n"},
		{"--supervisor -l 1", "=time=2026-01-02T03:04:09.000Z level=WARN msg=later\n"},
		{"--supervisor -g later --format json", `={"ts":"2026-01-02T03:04:09.000000Z","stream":"","project":"","service":"supervisor","line":"time=2026-01-02T03:04:09.000Z level=WARN msg=later"}` + "\n"},
		{"--supervisor --until 2026-01-02", "=time=2026-01-01T03:04:05.000Z level=INFO msg=\"long ago\"\n"},
	} {
		exits, stdout, stderr := logsIn(state, test.args)
		got := stdout
		if !strings.HasPrefix(test.want, "=") {
			got = textsOf(stdout)
		}
		if exits != 0 || stderr != "" || got != strings.TrimPrefix(test.want, "=") {
			t.Errorf("logs %s: %d, %q, %s; want %q", test.args, exits, got, stderr, test.want)
		}
	}
}

// textsOf leaves only the texts of printed lines.
func textsOf(printed string) string {
	var texts []string
	for line := range strings.Lines(printed) {
		_, line, _ = strings.Cut("| "+line, "| ")
		if i := strings.LastIndex(line, "| "); i >= 0 {
			line = line[i+2:]
		}
		if fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3); len(fields) == 3 && strings.HasSuffix(fields[0], "Z") {
			texts = append(texts, fields[2])
		} else {
			texts = append(texts, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(texts, "|")
}

func TestWhatLogsRefuses(t *testing.T) {
	state := logFolder(t)
	for args, want := range map[string]string{
		"":                                    "1 SG0019",
		"-l 5":                                "1 SG0019",
		"--supervisor -s api":                 "1 SG0020",
		"--supervisor -p shop":                "1 SG0020",
		"-s web":                              "1 SG0006",
		"-s nobody":                           "1 SG0021",
		"-s shop/nobody":                      "1 SG0202",
		"-p nobody":                           "1 SG0202",
		"-p shop -s blog/web":                 "1 SG0201",
		"--invocation cccc":                   "1 SG0202",
		"-c /srv/none.yaml":                   "1 SG0202",
		"-s api --prune":                      "1 SG0017",
		"-s api --purge --prune":              "1 SG0204",
		"-s api --purge --path":               "1 SG0204",
		"-s api --follow --purge":             "1 SG0204",
		"-s api --follow --path":              "1 SG0204",
		"-s api --follow --since 1h":          "1 SG0204",
		"-s api --follow --all":               "1 SG0204",
		"-s api --follow --stream 2":          "1 SG0204",
		"-s api --follow --no-follow":         "1 SG0204",
		"-s api --strip-ansi --no-strip-ansi": "1 SG0204",
		"-s api --max-size 1M":                "1 SG0204",
		"-s api --format xml":                 "1 SG0204",
		"-s api --since yesterday":            "2 --since",
		"-s api --until 1.5h":                 "2 --until",
		"-s api --grep (":                     "2 --grep",
		"-s api --stream often":               "2 --stream",
		"-s api -l -1":                        "2 --lines",
		"-s api --prune --max-size much":      "2 --max-size",
		"-s api --prune --max-age 5y":         "2 --max-age",
	} {
		exits, stdout, stderr := logsIn(state, args)
		if code, text, _ := strings.Cut(want, " "); fmt.Sprint(exits) != code || !strings.Contains(stderr, text) || stdout != "" {
			t.Errorf("logs %s: %d, %q, %q; want %s", args, exits, stdout, stderr, want)
		}
	}
}

func TestLogsAreClearedWithoutASupervisor(t *testing.T) {
	state := logFolder(t)
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(state, "logs/supervisor.log.1"), old, old); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ args, want string }{
		{"-s api --prune --max-size 1k", "Pruned 0 log files, 0 bytes\n"},
		{"-s api --prune --max-size 1b", "Pruned 1 log file, 81 bytes\n"},
		{"-s api -l 9 --raw", "red new\nnewest\n"},
		{"-s api --purge", "Purged 1 log file, 94 bytes\n"},
		{"-s api", ""},
		{"-s api --purge --format json", `{"ok":true,"files":0,"bytes":0}` + "\n"},
		{"--supervisor --prune --max-age 3d", "Pruned 0 log files, 0 bytes\n"},
		{"--supervisor --prune --max-age 1d", "Pruned 1 log file, 56 bytes\n"},
		{"--supervisor --purge -q", ""},
		{"--supervisor", ""},
		{"-p shop --purge", "Purged 1 log file, 84 bytes\n"},
	} {
		exits, stdout, stderr := logsIn(state, step.args)
		if exits != 0 || stdout != step.want {
			t.Errorf("logs %s: %d, %q, %s; want %q", step.args, exits, stdout, stderr, step.want)
		}
	}
}

func TestTimesAgesAndSizes(t *testing.T) {
	now := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "90": "2026-05-06T07:06:39Z", "30m": "2026-05-06T06:38:09Z", "2h": "2026-05-06T05:08:09Z",
		"7d": "2026-04-29T07:08:09Z", "1w": "2026-04-29T07:08:09Z", "2026-01-31": "2026-01-31T00:00:00Z",
		"2026-01-31T01:00:00+01:00": "2026-01-31T00:00:00Z", "2026-01-31T00:00:00.5Z": "2026-01-31T00:00:00.5Z",
		"1y": "", "-1h": "", "h": "", "1 h 2": "", "99999999999999w": "",
	} {
		at, err := readTime("since", text, now)
		if got := at.UTC().Format(time.RFC3339Nano); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]int64{
		"0": 0, "10": 10, "10b": 10, "1k": 1 << 10, "1kb": 1 << 10, "1KiB": 1 << 10, "1.5G": 3 << 29, "2 MB": 2 << 20, "1t": 1 << 40, "1TB": 1 << 40,
		"": -1, "x": -1, "1p": -1, "1..5k": -1, "-1": -1, "kb": -1, "1e3": -1, "99999999999t": -1, "1i": -1,
	} {
		got, err := readSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"2": 2 * time.Second, "500ms": 500 * time.Millisecond, "1m": time.Minute, "0": 0, "-1s": 0, "x": 0} {
		got, err := readInterval(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

func inode(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }
