package logs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Beside web.log, in .web.runs, stands which run wrote what, so that the log
// itself has the form that people and scripts know:
//
//	<inode of the log> <offset> <incarnation>
//
// From that offset on, the lines of that file are of that run, until the next
// record. A record takes back every earlier one of its file at or beyond its
// offset: the log was cut there, after a kill, or is another one that was given
// the number of a deleted file. A record precedes the lines it is about, so a
// reader who sees them can find it.

// runsEnough is the size from which on the records of deleted files are dropped
// when the log is rotated.
const runsEnough = 16 << 10

// runsPath is where the records of a log are. Its name is out of the way of
// whoever reads web.log*.
func runsPath(log string) string {
	folder, name := filepath.Split(log)
	return filepath.Join(folder, "."+strings.TrimSuffix(name, ".log")+".runs")
}

// noted is what the last record says, and how far the file went since.
type noted struct {
	by    string
	inode uint64
	end   int64
}

// note records that what is written next is by's. Where that cannot be written
// the lines count as the last run's; the log's own write fails as well then.
func (f *logFile) note(by string) {
	last := &f.noted
	if by == "" || last.by == by && last.inode == f.inode && f.size >= last.end {
		return
	}
	// What is new to us may follow a record that a kill tore apart.
	record := "%d %d %s\n"
	if last.by == "" {
		record = "\n" + record
	}
	if err := appendTo(runsPath(f.path), fmt.Appendf(nil, record, f.inode, f.size, by)); err == nil {
		*last = noted{by, f.inode, f.size}
	}
}

func appendTo(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// tidyRuns drops the records of files that are gone.
func tidyRuns(path string) error {
	runs := runsPath(path)
	info, err := os.Stat(runs)
	if err != nil || info.Size() < runsEnough {
		return err
	}
	chain, err := snapshot(path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(runs)
	if err != nil {
		return err
	}
	var kept []byte
	for record := range bytes.Lines(text) {
		inode, _, _, ok := parseRecord(string(record))
		if ok && slices.ContainsFunc(chain, func(info fs.FileInfo) bool { return info != nil && inodeOf(info) == inode }) {
			kept = append(kept, record...)
		}
	}
	if err := os.WriteFile(runs+".new", kept, 0o640); err != nil {
		return err
	}
	return os.Rename(runs+".new", runs)
}

func parseRecord(text string) (inode uint64, offset int64, by string, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 3 || !strings.HasSuffix(text, "\n") {
		return 0, 0, "", false
	}
	inode, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return 0, 0, "", false
	}
	offset, err = strconv.ParseInt(fields[1], 10, 64)
	return inode, offset, fields[2], err == nil
}

func inodeOf(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Ino
	}
	return 0
}

// authors are the records of a log, for a reader.
type authors struct {
	path  string
	seen  fs.FileInfo // as it was when it was read
	parts map[uint64][]part
}

// part is where a run's lines begin.
type part struct {
	from int64
	by   string
}

// refresh reads the records again where there are new ones.
func (a *authors) refresh() {
	info, err := os.Stat(a.path)
	if err != nil || a.seen != nil && os.SameFile(info, a.seen) && info.Size() == a.seen.Size() {
		return
	}
	text, err := os.ReadFile(a.path)
	if err != nil {
		return
	}
	a.seen, a.parts = info, map[uint64][]part{}
	for record := range strings.Lines(string(text)) {
		inode, offset, by, ok := parseRecord(record)
		if !ok {
			continue
		}
		parts := a.parts[inode]
		for len(parts) > 0 && parts[len(parts)-1].from >= offset {
			parts = parts[:len(parts)-1]
		}
		a.parts[inode] = append(parts, part{offset, by})
	}
}

// begin is where the first line of some runs is in a file, if there is any.
func (a *authors) begin(file fs.FileInfo, runs []string) (from int64, any bool) {
	for _, p := range a.parts[inodeOf(file)] {
		if slices.ContainsFunc(runs, func(run string) bool { return strings.HasPrefix(p.by, run) }) {
			return p.from, true
		}
	}
	return 0, false
}

// of is whose the line is that begins at offset of a file, "" if nobody knows.
func (a *authors) of(file fs.FileInfo, offset int64) string {
	parts := a.parts[inodeOf(file)]
	i, exact := slices.BinarySearchFunc(parts, offset, func(p part, offset int64) int { return int(min(max(p.from-offset, -1), 1)) })
	if !exact {
		i--
	}
	if i < 0 {
		return ""
	}
	return parts[i].by
}
