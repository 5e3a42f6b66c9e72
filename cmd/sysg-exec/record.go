package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"systemg.org/sysg/pkg/spec"
	"systemg.org/sysg/pkg/sys"
)

// saved is what a later helper needs to take an incarnation over, one file
// each in <state>/incarnations, from its launch to its Ack.
type saved struct {
	Record spec.Record `json:"record"`
	// Boot, StartTicks and CgroupID tell the process, and its cgroup, from
	// others that have got their numbers since.
	Boot       string `json:"boot"`
	StartTicks uint64 `json:"start_ticks"`
	CgroupID   uint64 `json:"cgroup_id,omitempty"`

	// bytes is the length of the file that it was read from.
	bytes int
}

// maxSaved bounds a record's text, in bytes.
const maxSaved = 64 << 10

const savedSuffix = ".json"

// pageSize is the least that there is.
const pageSize = 4096

func (h *helper) recordDir() string { return filepath.Join(h.options.state, "incarnations") }

func (h *helper) recordPath(incarnation string) string {
	return filepath.Join(h.recordDir(), incarnation+savedSuffix)
}

// save writes the record. It is not synced to disk: after a power loss no
// incarnation lives, so there is nothing to take over. And it is one write(2)
// of less than a page, which no kill of ours can cut; a rename would cost as
// much as the launch itself, and is only for a child with long arguments.
// Newlines cover what is left of a longer old text.
func (h *helper) save(inc *incarnation) error {
	s := saved{Record: inc.record, Boot: h.boot, StartTicks: inc.startTicks}
	if s.StartTicks == 0 && inc.record.Exited == nil {
		stat, err := sys.ReadProcStat(inc.record.PID)
		if err != nil {
			return fmt.Errorf("cannot look at process %d: %w", inc.record.PID, err)
		}
		inc.startTicks, s.StartTicks = stat.Started, stat.Started
	}
	if inc.home != nil {
		s.CgroupID = inc.home.id()
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot encode record: %w", err)
	}
	path := h.recordPath(inc.record.Launch.Incarnation)
	if len(text) > pageSize {
		err := os.WriteFile(path+".new", text, 0o600)
		if err == nil {
			err = os.Rename(path+".new", path)
		}
		if err != nil {
			return fmt.Errorf("cannot write record: %w", err)
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot write record: %w", err)
	}
	defer file.Close()
	for len(text) < inc.savedBytes {
		text = append(text, '\n')
	}
	inc.savedBytes = len(text)
	if _, err := file.Write(text); err != nil {
		return fmt.Errorf("cannot write record: %w", err)
	}
	return nil
}

// errUnfinished is a record of a launch that was never announced.
var errUnfinished = errors.New("the launch was not finished")

// intend leaves an empty record before a launch. Where there is no leaf to be
// found, it tells a later helper what to look for.
func (h *helper) intend(inc *incarnation) error {
	if err := os.WriteFile(h.recordPath(inc.record.Launch.Incarnation), nil, 0o600); err != nil {
		return fmt.Errorf("cannot write record: %w", err)
	}
	return nil
}

// unsave removes the record. One that stays would come back as an exit that
// was acknowledged before, which does no harm.
func (h *helper) unsave(inc *incarnation) {
	_ = os.Remove(h.recordPath(inc.record.Launch.Incarnation))
}

// loadRecords reads what an earlier helper saved. What cannot be read, or is of
// another boot, is removed: nothing of it can live.
func (h *helper) loadRecords() ([]saved, error) {
	if err := os.MkdirAll(h.recordDir(), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of records: %w", err)
	}
	entries, err := os.ReadDir(h.recordDir())
	if err != nil {
		return nil, fmt.Errorf("cannot list records: %w", err)
	}
	var all []saved
	for _, entry := range entries {
		path := filepath.Join(h.recordDir(), entry.Name())
		s, err := readRecord(path)
		if err == nil && s.Boot == h.boot {
			all = append(all, s)
			continue
		}
		if err != nil {
			if !errors.Is(err, errUnfinished) {
				fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
			}
			h.abandon(entry.Name())
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(os.Stderr, "sysg-exec: ignoring: %v\n", err)
		}
	}
	return all, nil
}

// abandon ends what belongs to a record that says nothing.
func (h *helper) abandon(name string) {
	incarnation := strings.TrimSuffix(name, savedSuffix)
	if !spec.ValidIncarnation(incarnation) {
		return
	}
	if err := h.contain.abandon(incarnation); err != nil {
		fmt.Fprintf(os.Stderr, "sysg-exec: cannot end incarnation %s, which is in no record: %v\n", incarnation, err)
	}
}

func readRecord(path string) (saved, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return saved{}, fmt.Errorf("cannot read record: %w", err)
	}
	if len(text) == 0 {
		return saved{}, errUnfinished
	}
	s, err := decodeRecord(bytes.TrimRight(text, "\n"))
	if err == nil && filepath.Base(path) != s.Record.Launch.Incarnation+savedSuffix {
		err = errors.New("its name is not its incarnation's")
	}
	if err != nil {
		return saved{}, fmt.Errorf("cannot read record %q: %w", path, err)
	}
	s.bytes = len(text)
	return s, nil
}

// decodeRecord holds a record to the rules that its message has.
func decodeRecord(text []byte) (saved, error) {
	var s saved
	if err := spec.Unmarshal(text, &s, spec.Limits{Bytes: maxSaved, Objects: 8}); err != nil {
		return saved{}, err
	}
	_, err := spec.EncodeReply(&spec.Reply{ID: 1, Listed: &spec.Listed{Record: &s.Record}})
	return s, err
}
