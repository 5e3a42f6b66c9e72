package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"strconv"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/logs"
)

// The lines of a service with `sink: journal` are read with journalctl, which
// knows where journals are, what belongs to whom, and how they are compressed.

// journalEntry is what journalctl tells of one line.
type journalEntry struct {
	Message json.RawMessage `json:"MESSAGE"`
	Micros  string          `json:"__REALTIME_TIMESTAMP"`
	Stream  string          `json:"SYSG_STREAM"`
	Run     string          `json:"SYSG_INVOCATION_ID"`
}

// line is the entry as a line of a log. A message that is not UTF-8 comes as a
// list of bytes.
func (e journalEntry) line() logs.Line {
	line := logs.Line{Stream: e.Stream}
	if micros, err := strconv.ParseInt(e.Micros, 10, 64); err == nil {
		line.Time = time.UnixMicro(micros)
	}
	var numbers []byte
	var list []int
	if json.Unmarshal(e.Message, &line.Text) != nil && json.Unmarshal(e.Message, &list) == nil {
		for _, number := range list {
			numbers = append(numbers, byte(number))
		}
		line.Text = string(numbers)
	}
	return line
}

// journalArguments ask journalctl for the lines of a service.
func journalArguments(t logTarget, q logs.Query, more ...string) []string {
	arguments := append([]string{"--output=json", "--all", "--quiet", "--no-pager"}, more...)
	for flag, at := range map[string]time.Time{"--since": q.Since, "--until": q.Until} {
		if !at.IsZero() {
			arguments = append(arguments, fmt.Sprintf("%s=@%d.%06d", flag, at.Unix(), at.Nanosecond()/1000))
		}
	}
	return append(arguments, "SYSG_PROJECT="+t.project, "SYSG_SERVICE="+t.service)
}

// journal yields what journalctl says, as far as the query wants it. An error
// is the last thing.
func journal(ctx context.Context, arguments []string, q logs.Query) iter.Seq2[logs.Line, error] {
	return func(yield func(logs.Line, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		command := exec.CommandContext(ctx, "journalctl", arguments...)
		output, err := command.StdoutPipe()
		if err == nil {
			err = command.Start()
		}
		if err != nil {
			yield(logs.Line{}, unreadableJournal(err))
			return
		}
		enough := false
		err = eachJournalEntry(output, func(entry journalEntry) bool {
			line := entry.line()
			enough = q.Wants(line, entry.Run) && !yield(line, nil)
			return !enough
		})
		if enough {
			cancel()
		}
		err = errors.Join(err, command.Wait())
		if !enough && ctx.Err() == nil && err != nil {
			yield(logs.Line{}, unreadableJournal(err))
		}
	}
}

// eachJournalEntry reads entries, one a line, until take returns false.
func eachJournalEntry(from io.Reader, take func(journalEntry) bool) error {
	decoder := json.NewDecoder(bufio.NewReader(from))
	for {
		var entry journalEntry
		if err := decoder.Decode(&entry); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !take(entry) {
			return nil
		}
	}
}

func unreadableJournal(err error) error {
	return &api.Diagnostic{
		Code: api.CodeInternal, Title: "cannot read the journal: " + err.Error(),
		Notes: []string{"the service has `sink: journal`, so that journald keeps what it prints"},
		Help:  []api.Help{{Label: "look there yourself", Command: "journalctl SYSG_SERVICE=NAME"}},
	}
}

// journalTail is the last lines that the query wants.
func journalTail(ctx context.Context, t logTarget, n int, q logs.Query) ([]logs.Line, error) {
	var more []string
	if q.Stream == "" && q.Grep == nil && len(q.Runs) == 0 && n < 1<<30 {
		more = []string{"--lines=" + strconv.Itoa(n)} // Otherwise it cannot count for us.
	}
	var lines []logs.Line
	for line, err := range journal(ctx, journalArguments(t, q, more...), q) {
		if err != nil {
			return nil, err
		}
		if lines = append(lines, line); len(lines) > 2*n {
			lines = append(lines[:0], lines[len(lines)-n:]...)
		}
	}
	return lines[max(len(lines)-n, 0):], nil
}

func journalHistory(ctx context.Context, t logTarget, q logs.Query) iter.Seq2[logs.Line, error] {
	return journal(ctx, journalArguments(t, q), q)
}

// journalFollow emits what comes from now on.
func journalFollow(ctx context.Context, t logTarget, q logs.Query, emit func(logs.Line) error) error {
	for line, err := range journal(ctx, journalArguments(t, q, "--follow", "--lines=0"), q) {
		if err == nil {
			err = emit(line)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
