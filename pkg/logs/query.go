package logs

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Query says which lines of a log are wanted; the zero value wants all. A line
// without a time or a stream, as in a raw log, is not wanted where one is asked for.
type Query struct {
	// Stream is Stdout, Stderr or "".
	Stream string
	// Since and Until bound the time, both included.
	Since, Until time.Time
	// Grep matches the text, without what colours it.
	Grep *regexp.Regexp
	// Runs are the incarnations that wrote it, each by the beginning of its
	// name; none for all.
	Runs []string
}

// writtenSince is when a file must have been written to, at the earliest, for a
// line of it to be wanted. The kernel's time of a file is that of its last tick,
// some milliseconds before the time of the line.
func (q Query) writtenSince() time.Time {
	if q.Since.IsZero() {
		return time.Time{}
	}
	return q.Since.Add(-time.Second)
}

// sieve is a query at work on one service's log.
type sieve struct {
	Query
	authors authors
}

func (q Query) on(path string) *sieve {
	return &sieve{Query: q, authors: authors{path: runsPath(path)}}
}

// refresh comes before lines that may be newer than the last ones.
func (s *sieve) refresh() {
	if len(s.Runs) > 0 {
		s.authors.refresh()
	}
}

// lets tells whether a line, which begins at offset of a file, is wanted.
func (s *sieve) lets(line Line, file fs.FileInfo, offset int64) bool {
	by := ""
	if len(s.Runs) > 0 {
		by = s.authors.of(file, offset)
	}
	return s.Wants(line, by)
}

// Wants tells whether a line, written by a run, is wanted.
func (q Query) Wants(line Line, by string) bool {
	switch {
	case q.Stream != "" && line.Stream != q.Stream:
	case !q.Since.IsZero() && line.Time.Before(q.Since):
	case !q.Until.IsZero() && (line.Time.IsZero() || line.Time.After(q.Until)):
	case len(q.Runs) > 0 && !slices.ContainsFunc(q.Runs, func(run string) bool { return strings.HasPrefix(by, run) }):
	case q.Grep != nil && !q.Grep.MatchString(StripANSI(line.Text)):
	default:
		return true
	}
	return false
}

// FindRun finds the services whose logs have lines of a run, by the beginning
// of its name. It is for a person who has the name and nothing else.
func FindRun(dir, incarnation string) ([]Followed, error) {
	var found []Followed
	names, err := List(dir)
	for _, name := range names {
		path, err := logPath(dir, name.Project, name.Service)
		if err != nil {
			continue
		}
		records := authors{path: runsPath(path)}
		records.refresh()
		if records.has(incarnation) {
			found = append(found, name)
		}
	}
	return found, err
}

func (a *authors) has(incarnation string) bool {
	for _, parts := range a.parts {
		for _, p := range parts {
			if strings.HasPrefix(p.by, incarnation) {
				return true
			}
		}
	}
	return false
}
