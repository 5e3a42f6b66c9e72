package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// filled is a capture of a service that has rotated four times.
func filled(t *testing.T) *capture {
	t.Helper()
	c := newCapture(t)
	small := policy()
	small.MaxBytes, small.MaxFiles = 120, 10
	for n := range 10 {
		c.run(fmt.Sprintf("line %d %s\n", n, strings.Repeat("x", 10)), small)
	}
	return c
}

func (c *capture) files() []string {
	c.t.Helper()
	paths, err := Paths(c.dir, "shop", "web")
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func TestPurgeLeavesNothingAndTheCaptureGoesOn(t *testing.T) {
	c := filled(t)
	writer := c.attachSource(Source{Project: "shop", Service: "web", Incarnation: "live", Stream: Stdout, Policy: policy()})
	write(t, writer, "before\n")
	waitUntilLogged(t, c, "before")
	if len(c.files()) != 5 {
		t.Fatalf("there are %q", c.files())
	}
	done, err := c.Clear("shop", "web", Clear{})
	if err != nil || done.Files != 5 || done.Bytes < 500 {
		t.Fatalf("cleared %+v, %v", done, err)
	}
	wantLines(t, c.files(), []string{"web.log"})
	write(t, writer, "after\n")
	c.end(writer)
	wantLines(t, c.texts(), []string{"stdout after"})
	wantLines(t, c.textsOfRun("live"), []string{"after"})
}

func TestPruneRemovesTheOldestFirst(t *testing.T) {
	size := int64(250)
	for name, test := range map[string]struct {
		what Clear
		want []string
	}{
		"by size":    {Clear{MaxBytes: &size}, []string{"web.log", "web.log.1", "web.log.2"}},
		"by age":     {Clear{Before: time.Now().Add(-time.Hour)}, []string{"web.log", "web.log.1", "web.log.2", "web.log.3"}},
		"by no size": {Clear{MaxBytes: new(int64)}, []string{"web.log"}},
		"by future":  {Clear{Before: time.Now().Add(time.Hour)}, []string{"web.log"}},
		"by nothing": {Clear{Before: time.Unix(1, 0)}, []string{"web.log", "web.log.1", "web.log.2", "web.log.3", "web.log.4"}},
		"by both":    {Clear{MaxBytes: &size, Before: time.Now().Add(-time.Hour)}, []string{"web.log", "web.log.1", "web.log.2"}},
	} {
		c := filled(t)
		long := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(rotatedPath(c.path(), 4), long, long); err != nil {
			t.Fatal(err)
		}
		before := len(c.files())
		done, err := c.Clear("shop", "web", test.what)
		if err != nil || done.Files != before-len(test.want) {
			t.Errorf("%s: %+v, %v", name, done, err)
		}
		if got := c.files(); !slices.Equal(got, test.want) {
			t.Errorf("%s: left %q, want %q", name, got, test.want)
		}
		c.Close()
	}
}

func TestClearIsRefusedWhereThereIsNoSuchName(t *testing.T) {
	c := newCapture(t)
	if _, err := c.Clear("..", "web", Clear{}); err == nil {
		t.Error("cleared what has no name")
	}
	if done, err := c.Clear("shop", "none", Clear{}); err != nil || done != (Cleared{}) {
		t.Errorf("cleared %+v of nothing, %v", done, err)
	}
	c.Close()
	if _, err := c.Clear("shop", "web", Clear{}); err == nil {
		t.Error("cleared after the end")
	}
}

func TestLossesAreToldAndCounted(t *testing.T) {
	var told []string
	root := t.TempDir()
	c := &capture{t: t, dir: filepath.Join(root, "logs"), spool: filepath.Join(root, "spool"), drained: make(chan Drained, 100)}
	c.lost = func(l Lost) {
		told = append(told, fmt.Sprintf("%s/%s %d %s: %v", l.Project, l.Service, l.Count, l.Unit, l.Why))
	}
	c.start()
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	blocker := filepath.Join(c.dir, "shop")
	if err := os.WriteFile(blocker, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("lost\nlost\n", policy())
	c.run("lost\n", policy())
	if err := os.Remove(blocker); err != nil {
		t.Fatal(err)
	}
	c.run("kept\n", policy())
	c.Close()
	wantLines(t, told, []string{"shop/web 0 lines: not a directory", "shop/web 3 lines: not a directory"})
	if got := c.Dropped("shop", "web"); got != 3 {
		t.Errorf("dropped %d", got)
	}
	if got := c.Dropped("shop", "api"); got != 0 {
		t.Errorf("another dropped %d", got)
	}
}
