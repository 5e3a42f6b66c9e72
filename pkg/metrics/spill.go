package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/generation"
)

// spill is a folder that samples go to, in segments: metrics-000001.jsonl and
// so on, a sample a line.
type spill struct {
	folder  string
	file    *os.File
	size    uint64
	number  int
	failing bool
}

// spilled is a line of a segment.
type spilled struct {
	Project     string `json:"project"`
	Service     string `json:"service"`
	Incarnation string `json:"incarnation"`
	api.Sample
}

// spill writes a sample where its policy says so.
func (m *Meter) spill(job Job, sample api.Sample) {
	if job.Policy == nil || job.Policy.SpilloverDir == "" || job.Policy.SpilloverMax == 0 {
		return
	}
	s := m.spills[job.Policy.SpilloverDir]
	if s == nil {
		s = &spill{folder: job.Policy.SpilloverDir}
		m.spills[s.folder] = s
	}
	line, err := json.Marshal(spilled{job.Project, job.Service, job.Incarnation, sample})
	if err != nil {
		panic("bug: a sample that does not marshal: " + err.Error())
	}
	err = s.write(append(line, '\n'), job.Policy)
	if err != nil && !s.failing {
		m.failed(fmt.Errorf("cannot keep samples in %q: %w", s.folder, err))
	}
	s.failing = err != nil
}

func (s *spill) write(line []byte, policy *generation.Metrics) error {
	if s.file != nil && s.size > 0 && s.size+uint64(len(line)) > policy.SpilloverSegment {
		s.close()
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return err
		}
		// Room for the whole segment is made now, and not by every line.
		if err := s.trim(policy.SpilloverMax - min(policy.SpilloverSegment, policy.SpilloverMax)); err != nil {
			return err
		}
	}
	n, err := s.file.Write(line)
	s.size += uint64(n)
	if err != nil {
		s.close() // The next line begins a segment, and not within this one.
		return err
	}
	return nil
}

// open begins a new segment behind all that there are.
func (s *spill) open() error {
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	if segments := s.segments(); len(segments) > 0 {
		name := strings.TrimPrefix(filepath.Base(segments[len(segments)-1]), "metrics-")
		if last, err := strconv.Atoi(strings.TrimSuffix(name, ".jsonl")); err == nil {
			s.number = max(s.number, last)
		}
	}
	s.number++
	path := filepath.Join(s.folder, fmt.Sprintf("metrics-%06d.jsonl", s.number))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	s.file, s.size = file, 0
	return nil
}

func (s *spill) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// segments are those in the folder, oldest first.
func (s *spill) segments() []string {
	found, _ := filepath.Glob(filepath.Join(escaped(s.folder), "metrics-*.jsonl"))
	slices.Sort(found)
	return found
}

// escaped is a path that filepath.Glob takes as it is.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// trim removes the oldest segments while all are more than most bytes together;
// the one that is written to stays.
func (s *spill) trim(most uint64) error {
	segments := s.segments()
	var total uint64
	sizes := make([]uint64, len(segments))
	for i, path := range segments {
		if info, err := os.Stat(path); err == nil {
			sizes[i] = uint64(info.Size())
			total += sizes[i]
		}
	}
	for i := 0; i < len(segments)-1 && total > most; i++ {
		if err := os.Remove(segments[i]); err != nil {
			return err
		}
		total -= sizes[i]
	}
	return nil
}
